// Hot path: per flush. Bench: bench/append.bench.ts. No promises but where a segment begins.
import type { EntryBatch } from "@dt/raft";
import { syncFile } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { FRAME_BYTES } from "../format/flush-frame.ts";
import type { LogIdentity } from "../format/log-identity.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { isOutOfSpace, LogError } from "../log-error.ts";
import { newSegment, type NewSegmentFields, type Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import type { FlushSync } from "../sync/flush-sync.ts";
import { eraseFrame } from "./erase-frame.ts";
import { FlushBuffer } from "./flush-buffer.ts";
import { SegmentTail, type TailPiece } from "./segment-tail.ts";
import { type FilledFile, SegmentFiller } from "./segment-filler.ts";

export interface SegmentWriterContext {
  readonly fileSystem: FileSystem;
  /** Where the segments are. */
  readonly directory: string;
  readonly identity: LogIdentity;
  readonly segmentBytes: number;
  readonly isSynced: boolean;
  /** For flushes into the current segment; one that begins is synced by itself. */
  readonly sync: FlushSync;
  readonly segments: SegmentList;
  /** Runs when a segment took over; `sealed` was the last one, `replaced` are superseded. */
  readonly onInstalled: (sealed: Segment, replaced: readonly Segment[]) => void;
  /** Runs when filling ahead failed in a way that makes the files doubtful. */
  readonly onBroken: (error: LogError) => void;
}

/** Larger flushes are written by themselves. */
const MAX_STAGED_BYTES = 64 << 10;

/** What happened to a flush: stored, or DT_LOG_NO_SPACE, or DT_LOG_POISONED. */
export type Flushed = (error: LogError | null) => void;

/** Brings flushes to the end of the log, one at a time, and begins a new segment where asked to. */
export class SegmentWriter {
  readonly buffer = new FlushBuffer();
  readonly #context: SegmentWriterContext;
  readonly #filler: SegmentFiller;
  #current: FilledFile;
  /** Of the current segment. */
  #tail: SegmentTail;
  /** The flush that was put there, and not written. */
  #staged: Buffer | null = null;
  /** The segment that the next flush begins; null to go on in the current one. */
  #begun: Segment | null = null;
  #begunFile: FilledFile | null = null;
  #flushed: Flushed | null = null;
  #isWaiting = false;
  /** What the file that a write is under way to had filled before. */
  #filledBefore = 0;

  constructor(context: SegmentWriterContext, current: FilledFile) {
    this.#context = context;
    this.#current = current;
    this.#tail = this.#newTail(current);
    this.#filler = new SegmentFiller(context.fileSystem, context.directory, context.segmentBytes, {
      onStep: (error) => this.#onRoom(error),
    });
    this.#filler.adopt(current, context.segments.last.endOffset);
  }

  /** Where the next flush goes. */
  get target(): Segment {
    return this.#begun ?? this.#context.segments.last;
  }

  get isBeginning(): boolean {
    return this.#begun !== null;
  }

  /** Record bytes that the target can still take. */
  get roomBytes(): number {
    return this.target.header.segmentBytes - this.target.endOffset - FRAME_BYTES;
  }

  /** Record bytes that can be stored without asking the file system for space. */
  get filledRoomBytes(): number {
    return this.isBeginning ? 0 : this.#current.filledBytes - this.target.endOffset - FRAME_BYTES;
  }

  /** Lets the next flush begin a segment, which takes over at `firstIndex`; as a base, from everything. */
  begin(firstIndex: number, prevTerm: number, prevChain: number, isBase = false): void {
    const { identity, segmentBytes, isSynced, segments } = this.#context;
    const sequence = segments.last.header.sequence + 1;
    const isRecycled = this.#begunFile?.isRecycled ?? false;
    const before = { prevTerm, prevChain };
    const kind = { segmentBytes, isSynced, isRecycled, isBase };
    this.#begin({ ...identity, sequence, firstIndex, ...before, ...kind });
  }

  #begin(fields: NewSegmentFields): void {
    this.#begun = newSegment(this.#context.directory, fields, this.buffer.header);
  }

  /** Takes `begin` back. */
  abandon(): void {
    this.#begun = null;
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
    return segment === this.#context.segments.last ? this.#tail.pieces(from, to) : [];
  }

  async close(): Promise<void> {
    // What cannot be made durable in its segment is so in the journal, which then stays.
    await this.#context.sync.settle().catch(() => {});
    await this.#filler.close();
    await this.#filler.release(this.#current);
    if (this.#begunFile !== null) {
      await this.#filler.release(this.#begunFile);
    }
  }

  /**
   * Writes when no zeros are on their way to the space behind what is filled. Whether the space is
   * filled already decides how fast the write is, not whether it happens.
   */
  #writeWhenFree(): void {
    const { recordBytes } = this.buffer;
    const bytes = recordBytes > 0 ? FRAME_BYTES + recordBytes : 0;
    const isNew = this.#begun !== null;
    const position = isNew ? 0 : this.target.endOffset;
    const end = (isNew ? SEGMENT_HEADER_BYTES : position) + bytes;
    this.#isWaiting = true;
    if (isNew && this.#begunFile === null) {
      this.#begunFile = this.#filler.takeNext();
      if (this.#begunFile === null) {
        this.#filler.wantNext();
        return;
      }
      if (this.#begunFile.isRecycled) {
        this.#begin({ ...this.target.header, isRecycled: true });
      }
    }
    const target = this.#begunFile ?? this.#current;
    if (target.filledBytes < end && this.#filler.isFilling(target)) {
      return;
    }
    this.#isWaiting = false;
    const segment = this.target;
    if (bytes > 0) {
      segment.lastFlush++;
    }
    this.#filledBefore = target.filledBytes;
    target.filledBytes = Math.max(target.filledBytes, end);
    const { isSynced, sync } = this.#context;
    const isDirect = isSynced && !isNew && sync.begin(bytes);
    this.#staged = null;
    if (isDirect || isNew || !isSynced) {
      this.#write(isDirect ? target.durable : target.file, position, isDirect);
      return;
    }
    sync.expect();
    this.#staged =
      sync.isShared && bytes <= MAX_STAGED_BYTES ? this.#tail.stage(position, bytes) : null;
    if (this.#staged !== null) {
      this.buffer.copyTo(this.#staged, segment.seed, segment.lastFlush);
      this.#sync();
    } else if (this.#tail.isEmpty) {
      this.#write(target.file, position, false);
    } else {
      this.#tail.writeOut(this.#onTailWritten);
    }
  }

  #write(file: StoredFile, position: number, isDirect: boolean): void {
    const { seed, lastFlush } = this.target;
    const done = isDirect ? this.#onDurable : this.#onWritten;
    this.buffer.write(file, position, this.#begun !== null, seed, lastFlush, done);
  }

  /** What stands before the flush is in the file, or the flush, which was not begun, must not be written either. */
  readonly #onTailWritten = (error: Error | null): void => {
    if (error === null) {
      this.#write(this.#current.file, this.target.endOffset, false);
      return;
    }
    this.#context.sync.forgo();
    this.#current.filledBytes = this.#filledBefore;
    this.#end(isOutOfSpace(error) ? this.#noSpace(error) : this.#poisoned("write", error));
  };

  #newTail({ file }: FilledFile): SegmentTail {
    return new SegmentTail(file, (error) => this.#context.onBroken(this.#poisoned("write", error)));
  }

  #onRoom(error: Error | null): void {
    const isWaiting = this.#isWaiting;
    if (error === null) {
      if (isWaiting) {
        this.#writeWhenFree();
      }
      return;
    }
    const isFull = isOutOfSpace(error);
    if (isWaiting) {
      this.#isWaiting = false;
      this.#end(isFull ? this.#noSpace(error) : this.#poisoned("fill", error));
    } else if (!isFull) {
      this.#context.onBroken(this.#poisoned("fill", error));
    }
  }

  /** One call has written and synced: the thread of the event loop is not needed in between. */
  readonly #onDurable = (error: Error | null): void => {
    this.#context.sync.ended();
    if (error === null) {
      this.#onSynced(null);
    } else if (isOutOfSpace(error)) {
      this.#takeBack(error);
    } else {
      this.#end(this.#poisoned("write", error));
    }
  };

  readonly #onWritten = (error: Error | null): void => {
    if (error !== null) {
      if (this.#begunFile === null && this.#context.isSynced) {
        this.#context.sync.forgo();
      }
      if (isOutOfSpace(error)) {
        this.#takeBack(error);
      } else {
        this.#end(this.#poisoned("write", error));
      }
    } else if (this.#context.isSynced) {
      this.#sync();
    } else {
      this.#onSynced(null);
    }
  };

  #sync(): void {
    if (this.#begunFile !== null) {
      this.#begunFile.file.sync(this.#onSynced);
      return;
    }
    const first = this.buffer.parts[0] as EntryBatch;
    const last = this.buffer.parts.at(-1) as EntryBatch;
    const { seed, header, endOffset } = this.target;
    this.#context.sync.sync(
      {
        file: this.#tail,
        seed,
        segmentFirstIndex: header.firstIndex,
        firstIndex: first.firstIndex,
        lastIndex: last.lastIndex,
        lastChain: last.chain,
        position: endOffset,
        bytes: this.#staged ?? this.buffer.written,
      },
      this.#onSynced,
    );
  }

  readonly #onSynced = (error: Error | null): void => {
    if (error !== null && isOutOfSpace(error) && this.#staged !== null && !this.#tail.isEmpty) {
      // No journal took it, and its segment has no space for what stands before it and for it.
      this.#tail.unstage(this.#staged.length);
      this.#takeBack(error);
    } else if (error !== null) {
      this.#end(this.#poisoned("sync", error));
    } else if (this.#begun !== null && this.#begunFile !== null) {
      void this.#install(this.#begun, this.#begunFile);
    } else {
      this.#stored(this.target);
    }
  };

  async #install(segment: Segment, file: FilledFile): Promise<void> {
    const { fileSystem, directory, isSynced } = this.#context;
    try {
      if (!isSynced) {
        // A segment with a successor is always whole on the disk.
        await syncFile(this.#current.file);
      }
      await this.#context.sync.settle();
      await fileSystem.rename(file.path, segment.path);
    } catch (error) {
      if (error instanceof Error && isOutOfSpace(error)) {
        this.#takeBack(error);
      } else {
        this.#end(this.#poisoned("rename", error));
      }
      return;
    }
    try {
      await fileSystem.syncDirectory(directory);
      await this.#takeOver(segment, file);
    } catch (error) {
      this.#end(this.#poisoned("sync", error));
      return;
    }
    this.#stored(segment);
  }

  /** The new segment has its name, durably: from here on it is part of the log. */
  async #takeOver(segment: Segment, file: FilledFile): Promise<void> {
    const { fileSystem, segments, onInstalled } = this.#context;
    const old = this.#current;
    file.path = segment.path;
    this.#current = file;
    this.#tail = this.#newTail(file);
    this.#begun = null;
    this.#begunFile = null;
    const sealed = segments.last;
    const replaced = segments.install(segment);
    onInstalled(sealed, replaced);
    void this.#filler.release(old);
    this.#filler.adopt(file, segment.endOffset);
    for (const { path } of replaced) {
      if (path !== segment.path) {
        // One that stays is superseded by its sequence, and the next open removes it.
        await fileSystem.remove(path).catch(() => {});
      }
    }
  }

  #stored(segment: Segment): void {
    let offset = segment.endOffset + FRAME_BYTES;
    for (const part of this.buffer.parts) {
      segment.extend(part, offset);
      offset += part.bytes.length;
    }
    const { sync } = this.#context;
    this.#filler.advance(segment.endOffset, sync.isShared ? Infinity : this.buffer.recordBytes);
    this.#end(null);
  }

  /** Makes sure that what a failed write left is never taken for stored. */
  #takeBack(cause: Error): void {
    const noSpace = this.#noSpace(cause);
    if (this.#begunFile !== null) {
      const file = this.#begunFile;
      this.#begunFile = null;
      this.#filler.discard(file).then(
        () => this.#end(noSpace),
        (error: unknown) => this.#end(this.#poisoned("remove", error)),
      );
      return;
    }
    const { file } = this.#current;
    const at = this.target.endOffset;
    const hadSpace = at + FRAME_BYTES <= this.#filledBefore;
    this.#current.filledBytes = this.#filledBefore;
    eraseFrame(file, at, hadSpace, (error) => {
      this.#end(error === null ? noSpace : this.#poisoned("write", error));
    });
  }

  #end(error: LogError | null): void {
    const flushed = this.#flushed;
    this.#flushed = null;
    flushed?.(error);
  }

  #noSpace(cause: Error): LogError {
    return new LogError({ code: "DT_LOG_NO_SPACE", file: this.target.path }, { cause });
  }

  #poisoned(operation: string, cause: unknown): LogError {
    const file = this.target.path;
    return new LogError({ code: "DT_LOG_POISONED", file, operation }, { cause });
  }
}
