import { type EntryBatch, recordLength, recordTimestamp, storedBytes } from "@dt/raft";
import type { SegmentList } from "../segment/segment-list.ts";
import type { LogReader } from "./log-reader.ts";

const STEP_BYTES = 256 << 10;

/**
 * The first readable index whose entry is stamped at or after a time; one above the last when there
 * is none. Goes by what is known of segments and of positions in them, then reads on from there.
 */
export async function firstIndexAtOrAfter(
  segments: SegmentList,
  reader: LogReader,
  timestampMs: number,
): Promise<number> {
  for (const segment of segments.all) {
    const point = segment.index.beforeTime(timestampMs);
    if (point === undefined || segment.isEmpty || segment.maxTimestampMs < timestampMs) {
      continue;
    }
    const { nextIndex } = segment;
    for (let index = point.index; index < nextIndex;) {
      // The head may have moved on meanwhile: what is gone is not the answer.
      const from = Math.max(index, segments.firstIndex);
      if (from >= nextIndex) {
        break;
      }
      for (const batch of await reader.read(from, nextIndex - 1, STEP_BYTES)) {
        const found = indexIn(batch, timestampMs);
        if (found > 0) {
          return found;
        }
        index = batch.lastIndex + 1;
      }
    }
  }
  return segments.nextIndex;
}

/** The first entry of a batch that is stamped at or after a time; 0 for none. */
function indexIn(batch: EntryBatch, timestampMs: number): number {
  let index = batch.firstIndex;
  for (let at = 0; at < batch.bytes.length; index++) {
    if (recordTimestamp(batch.bytes, at) >= timestampMs) {
      return index;
    }
    at += storedBytes(recordLength(batch.bytes, at));
  }
  return 0;
}
