import type { LogState } from "../core/log-state.ts";
import type { Write } from "../core/output.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";

export type { ConfigEntry, DamagedRange, LogBase, LogState, TermRun } from "../core/log-state.ts";

/** The code of an error that leaves the log usable, see `RaftLog.write`. */
export const NO_SPACE_CODE = "DT_LOG_NO_SPACE";

/** The code of a read's error when the entries were there once and their head has been dropped. */
export const COMPACTED_CODE = "DT_LOG_COMPACTED";

export function isCompacted(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === COMPACTED_CODE;
}

/** The code of an error that says that stored bytes are damaged; opening the log again has them repaired. */
export const CORRUPT_CODE = "DT_LOG_CORRUPT";

export function isCorrupt(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === CORRUPT_CODE;
}

export function isNoSpace(error: Error): boolean {
  return "code" in error && error.code === NO_SPACE_CODE;
}

/**
 * Durable log of one group. One owner; calls come from one thread.
 *
 * Writes take effect and become durable in the order of the calls. Implementations gather what is
 * queued into one disk write and one sync, with one sync in flight. After a failed sync the log is
 * poisoned: that write and every later one fail with the same coded error.
 */
export interface RaftLog {
  open(): Promise<LogState>;

  /**
   * Queues a write. `done(null)` when it is durable; `done(error)` when it is not, and then nothing
   * of it will be acknowledged. The order of the calls of `done` is the order of the writes. Never
   * calls `done` before `write` returns. The bytes of the batches are used until then.
   *
   * An error with the code `NO_SPACE_CODE` means that nothing of this write and of those queued behind it
   * was stored: they are refused in order, and the same writes may be queued again later.
   */
  write(write: Write, done: (error: Error | null) => void): void;

  /**
   * Entries from `firstIndex`, at most up to `lastIndex` and about `maxBytes` (always at least one
   * entry), as stored. Only for entries whose write was reported durable. Rejects with a coded error
   * when the entries are not there, cannot be read or are damaged; with `COMPACTED_CODE` when
   * `firstIndex` is below the log's first index, because its head was dropped or the log was reset.
   */
  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]>;

  /** The first index that can be read now; `lastIndex + 1` when there is none. */
  readonly firstIndex: number;

  /** Term of a durable entry, or of the one before the first; 0 for index 0 of a log never cut; else null. */
  termAt(index: number): number | null;

  /**
   * The first readable index whose entry is stamped at or after `timestampMs`; one above the last
   * durable index when there is none. Stamps are the leaders' wall clocks and may go back.
   */
  firstIndexAtOrAfter(timestampMs: number): Promise<number>;

  /**
   * Entries below `beforeIndex` may go. The log drops what it can in its own time, perhaps nothing
   * and never above `beforeIndex`, and no write fails because of it. Idempotent; never goes back.
   */
  dropHead(beforeIndex: number): void;

  /**
   * Fills damaged ranges, see `LogState.damaged`, each from its start on and in as many calls as it
   * takes. Resolves to what the log holds now: without damage, it is open as any other. Rejects with
   * DT_LOG_GAP for entries that are not those that were there; only for a log with damage.
   */
  repair?(batches: readonly EntryBatch[]): Promise<LogState>;

  /**
   * Drops the first damaged range that is not filled and every entry behind it, for a log whose other members are all
   * sure that they never had it, so that it cannot be committed. What came for ranges before it stays. Resolves as `repair` does; only for a log with damage.
   */
  cutDamage?(): Promise<LogState>;

  /** Finishes what is queued and releases the log. Idempotent. */
  close(): Promise<void>;
}
