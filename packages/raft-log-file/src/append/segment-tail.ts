// Hot path: per flush of a log that shares its syncs. Bench: dt bench log --groups 100. No promises.
import { writeAll } from "../file-io.ts";
import type { Done, StoredFile } from "../file-system.ts";
import { isOutOfSpace } from "../log-error.ts";

/** A log that flushes a little takes a little memory: a chunk that was filled has one of twice its size behind it. */
const MIN_CHUNK_BYTES = 4 << 10;
const MAX_CHUNK_BYTES = 128 << 10;
/** Full chunks that wait for their write; a flush waits for them then. */
const MAX_DUE = 2;

/** Bytes that stand back to back in the file, from `position` on. */
interface Chunk {
  readonly bytes: Buffer;
  readonly position: number;
  used: number;
}

/** Bytes of a segment that are not in its file yet, copied. */
export interface TailPiece {
  readonly position: number;
  readonly bytes: Buffer;
}

/**
 * The end of a segment that stands in memory, and durably in the journal, but not in the segment's file: many flushes
 * become one write. What is in the file is always a prefix of the segment. All tails together hold no more than the
 * journal's files do, since a `sync` comes before one of them is used again, and take up to twice that.
 */
export class SegmentTail {
  readonly #file: StoredFile;
  readonly #onBroken: (error: Error) => void;
  /** Taken in full or asked for, oldest first; one of them is written at a time. */
  #due: Chunk[] = [];
  /** Takes the next flush. */
  #open: Chunk | null = null;
  #spare: Buffer | null = null;
  #chunkBytes = MIN_CHUNK_BYTES;
  #isWriting = false;
  /** Of the last write. Out of space, the next one to ask tries again; anything else is final. */
  #failure: Error | null = null;
  #waiting: Done[] = [];

  /** `onBroken` runs when a write failed for good: what the file holds is not known. */
  constructor(file: StoredFile, onBroken: (error: Error) => void) {
    this.#file = file;
    this.#onBroken = onBroken;
  }

  /** Everything is in the file. */
  get isEmpty(): boolean {
    return this.#open === null && this.#due.length === 0;
  }

  /** Where a flush of so many bytes is to be put, which goes to `position`; null while too much waits. */
  stage(position: number, length: number): Buffer | null {
    let chunk = this.#open;
    if (chunk !== null && chunk.used + length > chunk.bytes.length) {
      this.#chunkBytes = Math.min(MAX_CHUNK_BYTES, this.#chunkBytes * 2);
      this.#close();
      chunk = null;
    }
    if (chunk === null) {
      if (this.#due.length >= MAX_DUE || this.#failure !== null) {
        return null;
      }
      chunk = this.#begin(position, length);
    }
    const from = chunk.used;
    chunk.used += length;
    return chunk.bytes.subarray(from, chunk.used);
  }

  /** Gives the newest bytes up, after a `writeOut` that found no space. What the file has of them stays there. */
  unstage(length: number): void {
    const chunk = this.#open ?? (this.#due.at(-1) as Chunk);
    chunk.used -= length;
    if (chunk.used === 0 && chunk === this.#due.at(-1)) {
      this.#due.pop();
    }
  }

  /** Brings everything to the file. An error of a lack of space: nothing is given up, another call tries again. */
  writeOut(done: Done): void {
    if (this.#failure !== null && !isOutOfSpace(this.#failure)) {
      done(this.#failure);
      return;
    }
    this.#failure = null;
    this.#shrink();
    this.#close();
    if (this.#due.length === 0) {
      done(null);
    } else {
      this.#waiting.push(done);
    }
  }

  /** Makes the whole segment durable in its own file. A lack of space is one for what is in memory, which stays there. */
  sync(done: Done): void {
    if (this.isEmpty) {
      this.#spare = null;
      this.#syncFile(done);
      return;
    }
    this.writeOut((error) => {
      if (error === null) {
        this.#syncFile(done);
      } else {
        done(error);
      }
    });
  }

  /** Whatever a sync fails with is final: what it was to make durable may have left the system's cache. */
  #syncFile(done: Done): void {
    this.#file.sync((error) => {
      const isFull = error !== null && isOutOfSpace(error);
      done(isFull ? new Error("a sync found no space", { cause: error }) : error);
    });
  }

  /** What of `[from, to)` of the segment is not in the file, in order. */
  pieces(from: number, to: number): TailPiece[] {
    const pieces: TailPiece[] = [];
    for (const chunk of this.#open === null ? this.#due : [...this.#due, this.#open]) {
      const start = Math.max(from, chunk.position);
      const end = Math.min(to, chunk.position + chunk.used);
      if (start < end) {
        const bytes = chunk.bytes.subarray(start - chunk.position, end - chunk.position);
        pieces.push({ position: start, bytes: Buffer.from(bytes) });
      }
    }
    return pieces;
  }

  #begin(position: number, length: number): Chunk {
    const size = Math.max(length, this.#chunkBytes);
    const spare = this.#spare;
    const isUsable = spare !== null && spare.length >= size;
    const bytes = isUsable ? spare : Buffer.allocUnsafeSlow(size);
    this.#spare = null;
    this.#open = { bytes, position, used: 0 };
    return this.#open;
  }

  /** Asked for before it was full: the log does not need so much, or nothing any more. */
  #shrink(): void {
    const chunk = this.#open;
    if (chunk !== null && chunk.used * 2 < chunk.bytes.length) {
      this.#chunkBytes = Math.max(MIN_CHUNK_BYTES, this.#chunkBytes >> 1);
    }
    this.#spare = null;
  }

  #close(): void {
    if (this.#open !== null) {
      this.#due.push(this.#open);
      this.#open = null;
    }
    this.#writeNext();
  }

  #writeNext(): void {
    const chunk = this.#due[0];
    if (chunk !== undefined && !this.#isWriting && this.#failure === null) {
      this.#isWriting = true;
      writeAll(this.#file, chunk.bytes, 0, chunk.used, chunk.position, this.#onWritten);
    }
  }

  readonly #onWritten = (error: Error | null): void => {
    this.#isWriting = false;
    if (error === null) {
      const { bytes } = this.#due.shift() as Chunk;
      this.#spare = this.#waiting.length === 0 ? bytes : null;
      if (this.#due.length > 0) {
        this.#writeNext();
        return;
      }
    } else {
      this.#failure = error;
      if (!isOutOfSpace(error)) {
        this.#onBroken(error);
      }
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) {
      done(error);
    }
  };
}
