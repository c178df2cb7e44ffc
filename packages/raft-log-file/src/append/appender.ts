// Hot path: per write. Bench: bench/append.bench.ts. No promises.
import type { LogBase, Write } from "@dt/raft";
import type { StatusFile } from "../directory/status-file.ts";
import type { Done } from "../file-system.ts";
import type { Status } from "../format/status-slot.ts";
import { isOutOfSpace, LogError } from "../log-error.ts";
import { maxRecordBytes } from "../options.ts";
import type { LogReader } from "../read/log-reader.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { FlushStager } from "./flush-stager.ts";
import type { LogCounters } from "./log-counters.ts";
import { Reports } from "./reports.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { checkWrite } from "./write-check.ts";
import { type QueuedWrite, queuedWrite, WriteQueue } from "./write-queue.ts";

export interface AppenderContext {
  readonly segments: SegmentList;
  readonly segmentBytes: number;
  readonly isSynced: boolean;
  readonly status: StatusFile;
  readonly statusPath: string;
  readonly reader: LogReader;
  readonly writer: SegmentWriter;
  readonly counters: LogCounters;
}

type Mark = Pick<Status, "markIndex" | "markChain">;

const NO_MARK: Mark = { markIndex: 0, markChain: 0 };

/**
 * Group commit: takes what is queued, stores it with one write and one sync, reports it, and starts
 * over with what was queued meanwhile. An acknowledgement becomes possible in one place, `#onFlushed`,
 * after the sync.
 */
export class Appender {
  readonly #context: AppenderContext;
  readonly #queue = new WriteQueue();
  readonly #stager: FlushStager;
  /** Stored entries from here on are dropped by the next flush; 0 for none. */
  #cutFrom = 0;
  /** What that was before the write at the head of the queue. */
  #cutBefore = 0;
  /** One operation at a time: a flush, a change of the status, a look at where to cut. */
  #isBusy = false;
  /** The flush holds only what fits into space that is there already. */
  #isTight = false;
  #poison: LogError | null = null;
  readonly #reports = new Reports();
  #onIdle: (() => void) | null = null;

  constructor(context: AppenderContext) {
    this.#context = context;
    this.#stager = new FlushStager(this.#queue, context.writer.buffer);
  }

  write(write: Write, done: Done): void {
    const refusal = this.#poison ?? checkWrite(write, maxRecordBytes(this.#context.segmentBytes));
    this.#queue.push(queuedWrite(write, done, refusal));
    this.#next();
    this.#reports.runSoon();
  }

  /** Refuses everything from now on: what the files hold is not known. */
  fail(error: LogError): void {
    this.#poison ??= error;
    this.#queue.refuseAll(this.#poison);
    this.#proceed();
  }

  /** Makes it durable that no entry before `headIndex` has to be there; flushes go on meanwhile. */
  raiseHead(headIndex: number, done: Done): void {
    if (this.#poison !== null) {
      done(this.#poison);
      return;
    }
    const raise = (status: Status): Status => ({ ...status, headIndex });
    this.#context.status.update(raise, (error) => {
      if (error !== null && !isOutOfSpace(error)) {
        this.#failStatus(error);
      }
      done(error);
    });
  }

  /** Finishes what is queued and leaves a mark of what is stored. */
  async drain(): Promise<void> {
    if (this.#isBusy || this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const { status } = this.#context.status;
    const mark = this.#mark();
    if (this.#poison === null && mark.markIndex !== status.markIndex) {
      await new Promise<void>((resolve) => {
        // Without the mark the next open knows a little less.
        this.#context.status.update(
          (before) => ({ ...before, ...mark }),
          () => resolve(),
        );
      });
    }
  }

  #next(): void {
    while (!this.#isBusy) {
      const head = this.#queue.at(0);
      if (head === undefined) {
        this.#onIdle?.();
        return;
      }
      if (head.refusal !== null) {
        this.#queue.takeInto(1, this.#reports.items);
      } else if (head.needsHardState) {
        this.#writeHardState(head);
      } else if (head.needsReset) {
        this.#reset(head, head.write.reset as LogBase);
      } else if (head.needsTruncation) {
        this.#truncate(head);
      } else if (this.#cutFrom > 0 && !this.#context.writer.isBeginning) {
        this.#beginAtCut();
      } else {
        this.#startFlush(head);
      }
    }
  }

  #writeHardState(head: QueuedWrite): void {
    const { status } = this.#context.status;
    const hardState = head.write.hardState ?? status.hardState;
    this.#writeStatus({ hardState, ...this.#mark() }, () => {
      head.needsHardState = false;
    });
  }

  /**
   * Begins a segment that no earlier one belongs to the log with. Then the status follows: until it
   * does, the segment itself says that the log begins there.
   */
  #reset(head: QueuedWrite, base: LogBase): void {
    const { status, writer } = this.#context;
    if (status.status.markIndex > 0) {
      // The mark must not outlive the entries that it vouches for.
      this.#writeStatus(NO_MARK, () => {});
      return;
    }
    this.#isBusy = true;
    this.#cutFrom = 0;
    this.#cutBefore = 0;
    writer.begin(base.index + 1, base.term, base.chain, true);
    writer.buffer.clear();
    writer.flush((error) => {
      this.#isBusy = false;
      if (error === null) {
        this.#writeStatus({ headIndex: base.index + 1 }, () => {
          head.needsReset = false;
        });
        return;
      }
      writer.abandon();
      if (error.code === "DT_LOG_NO_SPACE") {
        this.#queue.refuseAll(error);
        this.#proceed();
      } else {
        this.fail(error);
      }
    });
  }

  #truncate(head: QueuedWrite): void {
    const { segments, status, writer } = this.#context;
    const from = head.write.truncateFrom;
    const nextIndex = this.#cutFrom > 0 ? this.#cutFrom : segments.nextIndex;
    if (from > nextIndex || from < segments.firstIndex) {
      head.refusal = new LogError({ code: "DT_LOG_GAP", expectedIndex: nextIndex, index: from });
    } else if (status.status.markIndex >= from) {
      // The mark must not outlive the entries that it vouches for.
      this.#writeStatus(NO_MARK, () => {});
    } else {
      head.needsTruncation = false;
      this.#cutBefore = this.#cutFrom;
      if (from < nextIndex) {
        this.#cutFrom = from;
        writer.abandon();
      }
    }
  }

  /** Prepares a segment that takes over at the cut: nothing that was synced is written over. */
  #beginAtCut(): void {
    const { segments, reader, writer } = this.#context;
    const from = this.#cutFrom;
    const first = (segments.all[0] as Segment).header;
    if (from === first.firstIndex) {
      writer.begin(from, first.prevTerm, first.prevChain, first.isBase);
      return;
    }
    this.#isBusy = true;
    reader.termAndChain(from - 1).then(
      ({ term, chain }) => {
        writer.begin(from, term, chain);
        this.#isBusy = false;
        this.#proceed();
      },
      (error: LogError) => {
        this.#isBusy = false;
        this.fail(error);
      },
    );
  }

  #startFlush(head: QueuedWrite): void {
    const { writer, segments } = this.#context;
    this.#stage(writer.roomBytes, false);
    if (head.refusal !== null) {
      if (head.write.truncateFrom > 0) {
        // Its entries cannot follow the cut, so there is no cut.
        this.#cutFrom = this.#cutBefore;
        writer.abandon();
      }
      return;
    }
    const isEmpty = writer.buffer.recordBytes === 0;
    if (!isEmpty || writer.isBeginning) {
      this.#isBusy = true;
      writer.flush(this.#onFlushed);
    } else if (head.batchAt < head.write.batches.length) {
      const { last } = segments;
      writer.begin(last.nextIndex, last.lastTerm, last.lastChain);
    } else {
      this.#stager.commit(this.#reports.items);
    }
  }

  #stage(room: number, wholeWrites: boolean): void {
    const { target } = this.#context.writer;
    this.#stager.stage(target.nextIndex, target.lastChain, room, wholeWrites);
  }

  readonly #onFlushed = (error: LogError | null): void => {
    if (error === null) {
      const { counters, writer } = this.#context;
      counters.flushes++;
      counters.flushedBytes += writer.buffer.recordBytes;
      counters.writes += this.#stager.count;
      this.#stager.commit(this.#reports.items);
      this.#cutFrom = 0;
      this.#cutBefore = 0;
    } else if (error.code !== "DT_LOG_NO_SPACE") {
      this.#isBusy = false;
      this.fail(error);
      return;
    } else if (this.#tryLess()) {
      return;
    } else {
      this.#refuseForSpace(error);
    }
    this.#isTight = false;
    this.#isBusy = false;
    this.#proceed();
  };

  /** Stores what fits into the space that is there, when that is anything. */
  #tryLess(): boolean {
    const { writer } = this.#context;
    if (this.#isTight) {
      return false;
    }
    this.#isTight = true;
    this.#stage(writer.filledRoomBytes, true);
    if (writer.buffer.recordBytes === 0) {
      return false;
    }
    writer.flush(this.#onFlushed);
    return true;
  }

  /** Refuses everything that waits; an entry of it that is stored already is dropped. */
  #refuseForSpace(error: LogError): void {
    const head = this.#queue.at(0);
    const first = head?.write.batches[0];
    if (head !== undefined && first !== undefined && (head.batchAt > 0 || head.rest !== null)) {
      this.#cutFrom = first.firstIndex;
    }
    this.#context.writer.abandon();
    this.#queue.refuseAll(error);
  }

  #writeStatus(change: Partial<Status>, then: () => void): void {
    this.#isBusy = true;
    const merge = (status: Status): Status => ({ ...status, ...change });
    this.#context.status.update(merge, (error) => {
      this.#isBusy = false;
      if (error === null) {
        then();
        this.#proceed();
      } else if (isOutOfSpace(error)) {
        // A slot that is torn has a twin, and one that is whole says what the next attempt says.
        const file = this.#context.statusPath;
        this.#queue.refuseAll(new LogError({ code: "DT_LOG_NO_SPACE", file }, { cause: error }));
        this.#proceed();
      } else {
        this.#failStatus(error);
        then();
      }
    });
  }

  #failStatus(cause: Error): void {
    const file = this.#context.statusPath;
    this.fail(new LogError({ code: "DT_LOG_POISONED", file, operation: "write" }, { cause }));
  }

  /** What may be claimed as stored and acknowledged; nothing where a power cut may take it back. */
  #mark(): Mark {
    const { segments, isSynced } = this.#context;
    return isSynced && this.#cutFrom === 0
      ? { markIndex: segments.nextIndex - 1, markChain: segments.last.lastChain }
      : NO_MARK;
  }

  #proceed(): void {
    this.#next();
    if (this.#context.writer.isShared) {
      // The others of the wave have flushes to begin first: what reports make is for the wave behind.
      this.#reports.runSoon();
    } else {
      this.#reports.run();
    }
  }
}
