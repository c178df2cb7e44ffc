import type { HardState } from "@dt/raft";
import type { StatusFile } from "../directory/status-file.ts";
import type { Status } from "../format/status-slot.ts";
import type { LogError } from "../log-error.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import type { PendingCut } from "./pending-cut.ts";
import { writeFailure } from "./write-failure.ts";

/** Vouches for nothing with index 0. */
export type Mark = Pick<Status, "markIndex" | "markChain">;

export const NO_MARK: Mark = { markIndex: 0, markChain: 0 };

export interface LogStatusContext {
  readonly status: StatusFile;
  readonly statusPath: string;
  readonly segments: SegmentList;
  readonly isSynced: boolean;
}

/** The status of a log that is appended to, with the mark that vouches for what is stored. */
export class LogStatus {
  readonly #context: LogStatusContext;
  readonly #cut: PendingCut;

  constructor(context: LogStatusContext, cut: PendingCut) {
    this.#context = context;
    this.#cut = cut;
  }

  get hardState(): HardState {
    return this.#context.status.status.hardState;
  }

  /** Whether the mark vouches for an entry at or above `index`: it must not outlive it. */
  isMarked(index: number): boolean {
    return this.#context.status.status.markIndex >= index;
  }

  /** What may be claimed as stored and acknowledged; nothing where a power cut may take it back. */
  mark(): Mark {
    const { segments, isSynced } = this.#context;
    return isSynced && !this.#cut.isPending
      ? { markIndex: segments.nextIndex - 1, markChain: segments.last.lastChain }
      : NO_MARK;
  }

  /** Writes a change. The error is DT_LOG_NO_SPACE or DT_LOG_POISONED. */
  write(change: Partial<Status>, done: (error: LogError | null) => void): void {
    const { status, statusPath } = this.#context;
    const merge = (before: Status): Status => ({ ...before, ...change });
    status.update(merge, (error) => {
      // Out of space, a slot that is torn has a twin, and one that is whole says what the next attempt says.
      done(error === null ? null : writeFailure(statusPath, "write", error));
    });
  }

  /** Leaves a mark of what is stored, at the end. Without it the next open knows a little less. */
  async leaveMark(): Promise<void> {
    const mark = this.mark();
    if (mark.markIndex !== this.#context.status.status.markIndex) {
      await new Promise<void>((resolve) => {
        this.write(mark, () => resolve());
      });
    }
  }
}
