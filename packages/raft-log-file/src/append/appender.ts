// Hot path: per write. Bench: bench/append.bench.ts. No promises.
import type { Write } from "@dt/raft";
import type { Done } from "../file-system.ts";
import type { LogError } from "../log-error.ts";
import { maxRecordBytes } from "../options.ts";
import type { LogReader } from "../read/log-reader.ts";
import { FlushStager } from "./flush-stager.ts";
import type { LogCounters } from "./log-counters.ts";
import { LogStatus, type LogStatusContext } from "./log-status.ts";
import { PendingCut } from "./pending-cut.ts";
import { Reports } from "./reports.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { checkWrite } from "./write-check.ts";
import { WritePreparation } from "./write-preparation.ts";
import { type QueuedWrite, queuedWrite, WriteQueue } from "./write-queue.ts";

export interface AppenderContext extends LogStatusContext {
  readonly segmentBytes: number;
  readonly reader: LogReader;
  readonly writer: SegmentWriter;
  readonly counters: LogCounters;
}

/**
 * Group commit: takes what is queued, stores it with one write and one sync, reports it, and starts
 * over with what was queued meanwhile. An acknowledgement becomes possible in one place, `#onFlushed`,
 * after the sync.
 */
export class Appender {
  readonly #context: AppenderContext;
  readonly #queue = new WriteQueue();
  readonly #stager: FlushStager;
  readonly #cut: PendingCut;
  readonly #status: LogStatus;
  readonly #preparation: WritePreparation;
  /** One operation at a time: a flush, a change of the status, a look at where to cut. */
  #isBusy = false;
  /** The flush holds only what fits into space that is there already. */
  #isTight = false;
  #poison: LogError | null = null;
  readonly #reports = new Reports();
  #onIdle: (() => void) | null = null;

  constructor(context: AppenderContext) {
    this.#context = context;
    const { segments, reader, writer } = context;
    this.#stager = new FlushStager(this.#queue, writer.buffer);
    this.#cut = new PendingCut(segments, reader, writer);
    this.#status = new LogStatus(context, this.#cut);
    this.#preparation = new WritePreparation(segments, writer, this.#status, this.#cut);
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
    this.#status.write({ headIndex }, (error) => {
      if (error !== null && error.code !== "DT_LOG_NO_SPACE") {
        this.fail(error);
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
    if (this.#poison === null) {
      await this.#status.leaveMark();
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
      } else if (this.#preparation.isNeeded(head)) {
        this.#isBusy = true;
        if (!this.#preparation.step(head, this.#onPrepared)) {
          this.#isBusy = false;
        }
      } else {
        this.#startFlush(head);
      }
    }
  }

  readonly #onPrepared = (error: LogError | null): void => {
    this.#isBusy = false;
    if (error === null) {
      this.#proceed();
    } else {
      this.#refuse(error);
    }
  };

  #startFlush(head: QueuedWrite): void {
    const { writer, segments } = this.#context;
    this.#stage(writer.roomBytes, false);
    if (head.refusal !== null) {
      if (head.write.truncateFrom > 0) {
        // Its entries cannot follow the cut, so there is no cut.
        this.#cut.withdraw();
      }
      return;
    }
    const isEmpty = writer.buffer.recordBytes === 0;
    if (!isEmpty || writer.isBeginning) {
      this.#isBusy = true;
      writer.flush(this.#onFlushed);
    } else if (head.batchAt < head.write.batches.length) {
      const { last } = segments;
      // One without entries is replaced: what begins in its place is as much the base as that was.
      const isBase = last.isEmpty && last.header.isBase;
      writer.begin(last.nextIndex, last.lastTerm, last.lastChain, isBase);
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
      this.#cut.clear();
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
      this.#cut.dropStored(first.firstIndex);
    }
    this.#context.writer.abandon();
    this.#queue.refuseAll(error);
  }

  /** Out of space, everything that waits; else everything from now on. */
  #refuse(error: LogError): void {
    if (error.code === "DT_LOG_NO_SPACE") {
      this.#queue.refuseAll(error);
      this.#proceed();
    } else {
      this.fail(error);
    }
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
