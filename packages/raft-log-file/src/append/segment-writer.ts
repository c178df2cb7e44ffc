// Hot path: per flush. Bench: bench/append.bench.ts. No promises but where a segment begins.
import { closeAll } from "../file-io.ts";
import { FRAME_BYTES } from "../format/flush-frame.ts";
import { isOutOfSpace, type LogError } from "../log-error.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import { CurrentSegment, type CurrentSegmentContext, type Flushed } from "./current-segment.ts";
import { FlushBuffer } from "./flush-buffer.ts";
import { NextSegment, type NextSegmentContext } from "./next-segment.ts";
import type { TailPiece } from "./segment-tail.ts";
import { type FilledFile, SegmentFiller } from "./segment-filler.ts";
import { poisoned, writeFailure } from "./write-failure.ts";

export interface SegmentWriterContext extends CurrentSegmentContext, NextSegmentContext {
  readonly segments: SegmentList;
  /** Runs when a segment took over; `sealed` was the last one, `replaced` are superseded. */
  readonly onInstalled: (sealed: Segment, replaced: readonly Segment[]) => void;
}

/** Brings flushes to the end of the log, one at a time, and begins a new segment where asked to. */
export class SegmentWriter {
  readonly buffer = new FlushBuffer();
  readonly #context: SegmentWriterContext;
  readonly #filler: SegmentFiller;
  readonly #next: NextSegment;
  #current: CurrentSegment;
  #flushed: Flushed | null = null;
  /** For the filler: for a file, or for its zeros to be where they were on their way to. */
  #isWaiting = false;

  constructor(context: SegmentWriterContext, current: FilledFile) {
    const { fileSystem, directory, segmentBytes, segments } = context;
    this.#context = context;
    this.#current = new CurrentSegment(segments.last, current, this.buffer, context);
    this.#filler = new SegmentFiller(fileSystem, directory, segmentBytes, {
      onStep: (error, isWritten) => this.#onRoom(error, isWritten),
    });
    this.#next = new NextSegment(context, this.buffer, this.#filler, {
      seal: () => this.#current.seal(),
      takeOver: (segment, file) => this.#takeOver(segment, file),
    });
    this.#filler.adopt(current, segments.last.endOffset);
  }

  /** Where the next flush goes. */
  get target(): Segment {
    return this.#next.segment ?? this.#current.segment;
  }

  get isBeginning(): boolean {
    return this.#next.segment !== null;
  }

  /** Record bytes that the target can still take: none where its header tells another durability, by which recovery goes. */
  get roomBytes(): number {
    const { header, endOffset } = this.target;
    const isOther = header.isSynced !== this.#context.isSynced;
    return isOther ? 0 : header.segmentBytes - endOffset - FRAME_BYTES;
  }

  /** Record bytes that can be stored without asking the file system for space. */
  get filledRoomBytes(): number {
    return this.isBeginning ? 0 : Math.min(this.roomBytes, this.#current.filledRoomBytes);
  }

  /** Lets the next flush begin a segment, which takes over at `firstIndex`; as a base, from everything. */
  begin(firstIndex: number, prevTerm: number, prevChain: number, isBase = false): void {
    const sequence = this.#current.segment.header.sequence + 1;
    this.#next.begin(sequence, firstIndex, prevTerm, prevChain, isBase);
  }

  /** Takes `begin` back. */
  abandon(): void {
    this.#next.abandon();
  }

  /** Stores what `buffer` holds; only the header of a segment that begins when it holds nothing. */
  flush(flushed: Flushed): void {
    this.#flushed = flushed;
    this.#writeWhenFree();
  }

  /** Whether a dropped segment of this size would be made the next one. */
  wantsSpare(segment: Segment): boolean {
    return this.#filler.wantsSpare && segment.header.segmentBytes === this.#context.segmentBytes;
  }

  /** Takes note of a spare file. */
  recycle(): void {
    this.#filler.recycle();
  }

  /** Flushes are stored together with those of other logs at the moment. */
  get isShared(): boolean {
    return this.#context.sync.isShared;
  }

  /** What of `[from, to)` of a segment is not in its file yet, in order. */
  tailOf(segment: Segment, from: number, to: number): TailPiece[] {
    return segment === this.#current.segment ? this.#current.pieces(from, to) : [];
  }

  async close(): Promise<void> {
    await closeAll([
      () => this.#context.sync.leave(),
      () => this.#filler.close(),
      () => this.#filler.release(this.#current.file),
      () => this.#next.close(),
    ]);
  }

  /** Writes when there is a file, and no zeros are on their way to where the flush goes. */
  #writeWhenFree(): void {
    const { recordBytes } = this.buffer;
    const bytes = recordBytes > 0 ? FRAME_BYTES + recordBytes : 0;
    this.#isWaiting = true;
    if (this.#next.segment !== null) {
      if (this.#next.takeFile()) {
        this.#isWaiting = false;
        this.#next.flush(bytes, this.#onFlushed);
      }
      return;
    }
    const { file, segment } = this.#current;
    const isFilled = file.filledBytes >= segment.endOffset + bytes;
    if (isFilled || !this.#filler.isFilling(file)) {
      this.#isWaiting = false;
      this.#current.flush(bytes, this.#onFlushed);
    }
  }

  #onRoom(error: Error | null, isWritten: boolean): void {
    const isWaiting = this.#isWaiting;
    if (error === null) {
      if (isWaiting) {
        this.#writeWhenFree();
      }
      return;
    }
    const { path } = this.target;
    if (isWaiting) {
      this.#isWaiting = false;
      this.#end(writeFailure(path, "fill", error));
    } else if (isWritten && !isOutOfSpace(error)) {
      this.#context.onBroken(poisoned(path, "fill", error));
    }
  }

  async #takeOver(segment: Segment, file: FilledFile): Promise<void> {
    const { fileSystem, segments, onInstalled } = this.#context;
    const sealed = this.#current;
    this.#current = new CurrentSegment(segment, file, this.buffer, this.#context);
    const replaced = segments.install(segment);
    onInstalled(sealed.segment, replaced);
    this.#filler.release(sealed.file).catch(() => {}); // Everything in it is synced.
    this.#filler.adopt(file, segment.endOffset);
    for (const { path } of replaced) {
      if (path !== segment.path) {
        // One that stays is superseded by its sequence, and the next open removes it.
        await fileSystem.remove(path).catch(() => {});
      }
    }
  }

  readonly #onFlushed = (error: LogError | null): void => {
    if (error === null) {
      this.#stored(this.#current.segment);
    }
    this.#end(error);
  };

  #stored(segment: Segment): void {
    let offset = segment.endOffset + FRAME_BYTES;
    for (const part of this.buffer.parts) {
      segment.extend(part, offset);
      offset += part.bytes.length;
    }
    const { sync } = this.#context;
    this.#filler.advance(segment.endOffset, sync.isShared ? Infinity : this.buffer.recordBytes);
  }

  #end(error: LogError | null): void {
    const flushed = this.#flushed;
    this.#flushed = null;
    flushed?.(error);
  }
}
