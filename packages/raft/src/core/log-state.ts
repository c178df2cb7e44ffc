import type { HardState } from "./output.ts";

/** A run of entries of one term: from `firstIndex` to the next run's, or to the log's end. */
export interface TermRun {
  readonly firstIndex: number;
  readonly term: number;
}

/** What a log holds when it has been opened. */
export interface LogState {
  readonly hardState: HardState;
  /** Index of the first entry that is kept; 1 for a log that was never cut at its head. */
  readonly firstIndex: number;
  /** Index of the last entry; `firstIndex - 1` for an empty log. */
  readonly lastIndex: number;
  /** Chain of the entry at `lastIndex`; 0 for an empty log. */
  readonly lastChain: number;
  /** Ascending by index and by term, covers `firstIndex..lastIndex`. */
  readonly termRuns: readonly TermRun[];
}
