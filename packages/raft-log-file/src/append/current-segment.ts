// Hot path: per flush. Bench: bench/append.bench.ts. No promises but where the segment ends.
import type { EntryBatch } from "@dt/raft";
import { syncFile } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import { FRAME_BYTES } from "../format/flush-frame.ts";
import { isOutOfSpace, type LogError } from "../log-error.ts";
import type { Segment } from "../segment/segment.ts";
import type { FlushSync } from "../sync/flush-sync.ts";
import { eraseFrame } from "./erase-frame.ts";
import type { FlushBuffer } from "./flush-buffer.ts";
import { SegmentTail, type TailPiece } from "./segment-tail.ts";
import type { FilledFile } from "./segment-filler.ts";
import { noSpace, poisoned, writeFailure } from "./write-failure.ts";

/** What happened to a flush: stored, or DT_LOG_NO_SPACE, or DT_LOG_POISONED. */
export type Flushed = (error: LogError | null) => void;

export interface CurrentSegmentContext {
  readonly isSynced: boolean;
  /** For flushes into the current segment; one that begins is synced by itself. */
  readonly sync: FlushSync;
  /** Runs when a write that is not a flush's own, such as of zeros ahead, failed in a way that makes the files doubtful. */
  readonly onBroken: (error: LogError) => void;
}

/** Larger flushes are written by themselves. */
const MAX_STAGED_BYTES = 64 << 10;

/** The segment that flushes go to. Each is written and made durable in one of several ways, or leaves nothing behind. */
export class CurrentSegment {
  readonly segment: Segment;
  readonly file: FilledFile;
  readonly #buffer: FlushBuffer;
  readonly #isSynced: boolean;
  readonly #sync: FlushSync;
  readonly #tail: SegmentTail;
  /** The flush that was put into the tail, and not written. */
  #staged: Buffer | null = null;
  /** What the file had filled before the flush. */
  #filledBefore = 0;
  #flushed: Flushed | null = null;

  /** Flushes are what `buffer` holds. */
  constructor(
    segment: Segment,
    file: FilledFile,
    buffer: FlushBuffer,
    { isSynced, sync, onBroken }: CurrentSegmentContext,
  ) {
    this.segment = segment;
    this.file = file;
    this.#buffer = buffer;
    this.#isSynced = isSynced;
    this.#sync = sync;
    this.#tail = new SegmentTail(file.file, (error) => {
      onBroken(poisoned(segment.path, "write", error));
    });
  }

  /** Record bytes that can be stored without asking the file system for space. */
  get filledRoomBytes(): number {
    return this.file.filledBytes - this.segment.endOffset - FRAME_BYTES;
  }

  /** What of `[from, to)` is not in the file yet, in order. */
  pieces(from: number, to: number): TailPiece[] {
    return this.#tail.pieces(from, to);
  }

  /**
   * Stores the frame and records in the buffer, so many bytes, behind the last flush. No zeros are on their way to the
   * space behind what is filled. Whether it is filled already decides how fast the write is, not whether it happens.
   */
  flush(bytes: number, flushed: Flushed): void {
    const { segment, file } = this;
    const position = segment.endOffset;
    this.#flushed = flushed;
    this.#staged = null;
    this.#filledBefore = file.filledBytes;
    file.filledBytes = Math.max(file.filledBytes, position + bytes);
    segment.lastFlush++;
    if (!this.#isSynced) {
      this.#write(file.file, this.#onWritten);
    } else if (this.#sync.begin(bytes)) {
      this.#write(file.durable, this.#onDurable);
    } else {
      this.#sync.expect();
      this.#stageOrWrite(position, bytes);
    }
  }

  /** Makes it whole on the disk, as a segment with a successor always is. Between flushes. */
  async seal(): Promise<void> {
    if (!this.#isSynced) {
      await syncFile(this.#tail);
    }
    await this.#sync.settle();
  }

  #stageOrWrite(position: number, bytes: number): void {
    const mayStage = this.#sync.isShared && bytes <= MAX_STAGED_BYTES;
    this.#staged = mayStage ? this.#tail.stage(position, bytes) : null;
    if (this.#staged !== null) {
      this.#buffer.copyTo(this.#staged, this.segment.seed, this.segment.lastFlush);
      this.#makeDurable();
    } else if (this.#tail.isEmpty) {
      this.#write(this.file.file, this.#onWritten);
    } else {
      this.#tail.writeOut(this.#onTailWritten);
    }
  }

  #write(file: StoredFile, done: (error: Error | null) => void): void {
    const { endOffset, seed, lastFlush } = this.segment;
    this.#buffer.write(file, endOffset, false, seed, lastFlush, done);
  }

  /** What stands before the flush is in the file, or the flush, which was not begun, must not be written either. */
  readonly #onTailWritten = (error: Error | null): void => {
    if (error === null) {
      this.#write(this.file.file, this.#onWritten);
      return;
    }
    this.#sync.forgo();
    this.file.filledBytes = this.#filledBefore;
    this.#end(writeFailure(this.segment.path, "write", error));
  };

  /** One call has written and synced: the thread of the event loop is not needed in between. */
  readonly #onDurable = (error: Error | null): void => {
    this.#sync.ended();
    if (error === null) {
      this.#end(null);
    } else {
      this.#failed("write", error);
    }
  };

  readonly #onWritten = (error: Error | null): void => {
    if (error !== null) {
      if (this.#isSynced) {
        this.#sync.forgo();
      }
      this.#failed("write", error);
    } else if (this.#isSynced) {
      this.#makeDurable();
    } else {
      this.#end(null);
    }
  };

  #makeDurable(): void {
    const first = this.#buffer.parts[0] as EntryBatch;
    const last = this.#buffer.parts.at(-1) as EntryBatch;
    const { seed, header, endOffset } = this.segment;
    this.#sync.sync(
      {
        file: this.#tail,
        seed,
        segmentFirstIndex: header.firstIndex,
        firstIndex: first.firstIndex,
        lastIndex: last.lastIndex,
        lastChain: last.chain,
        position: endOffset,
        bytes: this.#staged ?? this.#buffer.written,
      },
      this.#onSynced,
    );
  }

  readonly #onSynced = (error: Error | null): void => {
    if (error === null) {
      this.#end(null);
    } else if (isOutOfSpace(error) && this.#staged !== null && !this.#tail.isEmpty) {
      // No journal took it, and its segment has no space for what stands before it and for it.
      this.#tail.unstage(this.#staged.length);
      this.#takeBack(error);
    } else {
      this.#end(poisoned(this.segment.path, "sync", error));
    }
  };

  #failed(operation: string, error: Error): void {
    if (isOutOfSpace(error)) {
      this.#takeBack(error);
    } else {
      this.#end(poisoned(this.segment.path, operation, error));
    }
  }

  /** Makes sure that what a failed write left is never taken for stored. */
  #takeBack(cause: Error): void {
    const { path, endOffset } = this.segment;
    const hadSpace = endOffset + FRAME_BYTES <= this.#filledBefore;
    this.file.filledBytes = this.#filledBefore;
    eraseFrame(this.file.file, endOffset, hadSpace, (error) => {
      this.#end(error === null ? noSpace(path, cause) : poisoned(path, "write", error));
    });
  }

  #end(error: LogError | null): void {
    const flushed = this.#flushed;
    this.#flushed = null;
    flushed?.(error);
  }
}
