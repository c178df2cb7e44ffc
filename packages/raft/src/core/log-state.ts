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

/**
 * Entries of a log that may have been acknowledged and cannot be read. Both ends are known: only the
 * entries that were there follow `prevChain` and lead to `chain`.
 */
export interface DamagedRange {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Term and chain of the entry before `firstIndex`. */
  readonly prevTerm: number;
  readonly prevChain: number;
  /** Chain of the entry at `lastIndex`. */
  readonly chain: number;
  /** Where the damage is, and what it is, for people. */
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

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
  /**
   * Ascending; missing or empty for a log that is whole. A log with any is read only until
   * `RaftLog.repair` has filled them; nobody may vote or acknowledge on its ground before.
   */
  readonly damaged?: readonly DamagedRange[];
}
