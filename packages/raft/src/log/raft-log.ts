import type { LogState } from "../core/log-state.ts";
import type { Write } from "../core/output.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";

export type { LogState, TermRun } from "../core/log-state.ts";

/** The code of an error that leaves the log usable, see `RaftLog.write`. */
export const NO_SPACE_CODE = "DT_LOG_NO_SPACE";

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
   * when the entries are not there, cannot be read or are damaged.
   */
  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]>;

  /** Finishes what is queued and releases the log. Idempotent. */
  close(): Promise<void>;
}
