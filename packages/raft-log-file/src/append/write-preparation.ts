import type { LogBase } from "@dt/raft";
import type { Status } from "../format/status-slot.ts";
import { LogError } from "../log-error.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { type LogStatus, NO_MARK } from "./log-status.ts";
import type { PendingCut } from "./pending-cut.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { QueuedWrite } from "./write-queue.ts";

/** Called when a step is durable, or was not possible. */
export type Prepared = (error: LogError | null) => void;

/** What has to be done before a write's entries can be flushed: term and vote, another beginning of the log, a cut. */
export class WritePreparation {
  readonly #segments: SegmentList;
  readonly #writer: SegmentWriter;
  readonly #status: LogStatus;
  readonly #cut: PendingCut;

  constructor(segments: SegmentList, writer: SegmentWriter, status: LogStatus, cut: PendingCut) {
    this.#segments = segments;
    this.#writer = writer;
    this.#status = status;
    this.#cut = cut;
  }

  /** Whether there is anything left to do for the write at the head of the queue. */
  isNeeded(head: QueuedWrite): boolean {
    return (
      head.needsHardState ||
      head.needsReset ||
      head.needsTruncation ||
      (this.#cut.isPending && !this.#writer.isBeginning)
    );
  }

  /** Takes the next step; false when that is done by now, and then `prepared` is not called. May refuse the write. */
  step(head: QueuedWrite, prepared: Prepared): boolean {
    if (head.needsHardState) {
      this.#writeHardState(head, prepared);
      return true;
    }
    if (head.needsReset) {
      this.#reset(head, head.write.reset as LogBase, prepared);
      return true;
    }
    return head.needsTruncation ? this.#truncate(head, prepared) : this.#beginAtCut(prepared);
  }

  #writeHardState(head: QueuedWrite, prepared: Prepared): void {
    const hardState = head.write.hardState ?? this.#status.hardState;
    this.#writeStatus({ hardState, ...this.#status.mark() }, prepared, () => {
      head.needsHardState = false;
    });
  }

  /**
   * Begins a segment that no earlier one belongs to the log with. Then the status follows: until it
   * does, the segment itself says that the log begins there.
   */
  #reset(head: QueuedWrite, base: LogBase, prepared: Prepared): void {
    if (this.#status.isMarked(1)) {
      this.#unmark(prepared);
      return;
    }
    this.#cut.clear();
    this.#writer.begin(base.index + 1, base.term, base.chain, true);
    this.#writer.buffer.clear();
    this.#writer.flush((error) => {
      if (error !== null) {
        this.#writer.abandon();
        prepared(error);
        return;
      }
      this.#writeStatus({ headIndex: base.index + 1 }, prepared, () => {
        head.needsReset = false;
      });
    });
  }

  #truncate(head: QueuedWrite, prepared: Prepared): boolean {
    const from = head.write.truncateFrom;
    const { nextIndex } = this.#cut;
    if (from > nextIndex || from < this.#segments.firstIndex) {
      head.refusal = new LogError({ code: "DT_LOG_GAP", expectedIndex: nextIndex, index: from });
      return false;
    }
    if (this.#status.isMarked(from)) {
      this.#unmark(prepared);
      return true;
    }
    head.needsTruncation = false;
    this.#cut.request(from);
    return false;
  }

  #beginAtCut(prepared: Prepared): boolean {
    const beginning = this.#cut.begin();
    beginning?.then(
      () => prepared(null),
      (error: LogError) => prepared(error),
    );
    return beginning !== null;
  }

  /** The mark must not outlive the entries that it vouches for. */
  #unmark(prepared: Prepared): void {
    this.#status.write(NO_MARK, prepared);
  }

  #writeStatus(change: Partial<Status>, prepared: Prepared, then: () => void): void {
    this.#status.write(change, (error) => {
      if (error === null) {
        then();
      }
      prepared(error);
    });
  }
}
