import type { LogIndex } from "@dt/raft";

/** The run of consecutive indexes that one segment file holds. */
export interface SegmentRange {
  firstIndex: LogIndex;
  entryCount: number;
}
