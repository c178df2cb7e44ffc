import type { ConfigEntry } from "./membership.ts";
import type { HardState } from "./output.ts";

export type { ConfigEntry } from "./membership.ts";

/** A run of entries of one term: from `firstIndex` to the next run's, or to the log's end. */
export interface TermRun {
  readonly firstIndex: number;
  readonly term: number;
}

/** An entry that a log continues after without holding it. All 0 before the first entry of all. */
export interface LogBase {
  readonly index: number;
  readonly term: number;
  /** Chain of the entry, which stands for the whole log up to it. */
  readonly chain: number;
}

export const LOG_START: LogBase = Object.freeze({ index: 0, term: 0, chain: 0 });

/** What a log holds when it has been opened. */
export interface LogState {
  readonly hardState: HardState;
  /** Index of the first entry that is kept; 1 for a log that was never cut at its head. */
  readonly firstIndex: number;
  /** Index of the last entry; `firstIndex - 1` for an empty log. */
  readonly lastIndex: number;
  /** Chain of the entry at `lastIndex`; `prevChain` for an empty log. */
  readonly lastChain: number;
  /** Ascending by index and by term, covers `firstIndex..lastIndex`. */
  readonly termRuns: readonly TermRun[];
  /** The entry before `firstIndex`: always `firstIndex - 1`, with its term and chain; 0 for a log never cut. */
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly prevChain: number;
  /** The CONFIG entries of `firstIndex..lastIndex`, ascending. */
  readonly configs: readonly ConfigEntry[];
}
