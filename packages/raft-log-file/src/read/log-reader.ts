import { type EntryBatch, recordHeaderCrc, recordTerm } from "@dt/raft";
import { readInto } from "../file-io.ts";
import { LogError } from "../log-error.ts";
import { corrupt, reindex } from "../recover/recover-segment.ts";
import type { TailPiece } from "../append/segment-tail.ts";
import type { Segment } from "../segment/segment.ts";
import type { IndexPoint } from "../segment/segment-index.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import type { FileCache } from "./file-cache.ts";
import { locate, pack } from "./record-walk.ts";
import { scanBulk } from "./scan-bulk.ts";

/** Bytes that one call of `read` loads at most, whatever is asked for; one larger record still comes. */
const MAX_READ_BYTES = 64 << 20;

export type TailOf = (segment: Segment, from: number, to: number) => readonly TailPiece[];

/** Reads entries back, as stored. Every byte that it returns has passed the chain and its checksum. */
export class LogReader {
  readonly #segments: SegmentList;
  readonly #files: FileCache;
  readonly #onDamaged: (segment: Segment) => void;
  readonly #tailOf: TailOf;

  /**
   * `onDamaged` runs when a segment turned out to hold something else than what was stored. `tailOf` tells what of a
   * segment is not in its file yet.
   */
  constructor(
    segments: SegmentList,
    files: FileCache,
    onDamaged: (segment: Segment) => void = () => {},
    tailOf: TailOf = () => [],
  ) {
    this.#segments = segments;
    this.#files = files;
    this.#onDamaged = onDamaged;
    this.#tailOf = tailOf;
  }

  /** Throws DT_LOG_NOT_FOUND, DT_LOG_COMPACTED, DT_LOG_CORRUPT, DT_LOG_IO. */
  async read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    if (firstIndex > lastIndex || lastIndex >= this.#segments.nextIndex) {
      throw this.#notFound(this.#isCompacted(firstIndex) ? firstIndex : lastIndex);
    }
    const batches: EntryBatch[] = [];
    let left = Math.min(maxBytes, MAX_READ_BYTES);
    for (let index = firstIndex; index <= lastIndex;) {
      const segment = this.#holding(index);
      const lastHere = Math.min(lastIndex, segment.nextIndex - 1);
      for (const batch of await this.#readSafely(segment, index, lastHere, left)) {
        if (batches.length > 0 && batch.bytes.length > left) {
          return batches;
        }
        batches.push(batch);
        left -= batch.bytes.length;
        index = batch.lastIndex + 1;
      }
      if (left <= 0 || index <= lastHere) {
        return batches;
      }
    }
    return batches;
  }

  /** Term and chain of an entry that is in the log. */
  async termAndChain(index: number): Promise<{ readonly term: number; readonly chain: number }> {
    const [batch] = await this.read(index, index, 0);
    if (batch === undefined) {
      throw this.#notFound(index);
    }
    return { term: recordTerm(batch.bytes, 0), chain: recordHeaderCrc(batch.bytes, 0) };
  }

  /** Reads from one segment, with fresh positions when those of a hint were wrong. */
  async #readSafely(
    segment: Segment,
    firstIndex: number,
    lastIndex: number,
    maxBytes: number,
  ): Promise<EntryBatch[]> {
    segment.readers++;
    try {
      let batches = await this.#readSegment(segment, firstIndex, lastIndex, maxBytes);
      if (batches === null && segment.isHinted) {
        await this.#files.with(segment.path, (file) => reindex(file, segment));
        batches = await this.#readSegment(segment, firstIndex, lastIndex, maxBytes);
      }
      if (batches !== null) {
        return batches;
      }
    } catch (error) {
      throw this.#failure(segment, firstIndex, error);
    } finally {
      segment.release();
    }
    const offset = segment.index.floor(firstIndex)?.offset ?? 0;
    const reason = "a record at or behind this offset fails its checks";
    throw this.#failure(segment, firstIndex, corrupt(segment.path, offset, firstIndex, reason));
  }

  /** Null when what stands there is not what was stored. */
  async #readSegment(
    segment: Segment,
    firstIndex: number,
    lastIndex: number,
    maxBytes: number,
  ): Promise<EntryBatch[] | null> {
    const point = segment.index.floor(firstIndex);
    if (point === undefined) {
      return null;
    }
    const buf = await this.#load(segment, point, firstIndex, lastIndex, maxBytes);
    const found = locate(buf, point, firstIndex);
    if (found === null) {
      return null;
    }
    const end = pack(buf, found.at, lastIndex - firstIndex + 1, maxBytes);
    const run = scanBulk(buf, found.at, end, firstIndex - 1, 0, found.prevChain);
    return run.fault === null && run.batches.length > 0 ? run.batches : null;
  }

  /** Loads what lies between a point and the end of what is wanted, the first entry whole. */
  #load(
    segment: Segment,
    point: IndexPoint,
    firstIndex: number,
    lastIndex: number,
    maxBytes: number,
  ): Promise<Buffer> {
    const { index, endOffset } = segment;
    const firstEnd = index.after(firstIndex)?.offset ?? endOffset;
    const lastEnd = index.after(lastIndex)?.offset ?? endOffset;
    const bytes = Math.min(lastEnd, firstEnd + maxBytes) - point.offset;
    // Asked before the file is read: what is written there meanwhile is the same.
    const pieces = this.#tailOf(segment, point.offset, point.offset + bytes);
    const [first] = pieces;
    if (first !== undefined && first.position === point.offset && first.bytes.length === bytes) {
      return Promise.resolve(first.bytes);
    }
    return this.#files.with(segment.path, async (file) => {
      const buf = Buffer.allocUnsafeSlow(bytes);
      let end = await readInto(file, buf, 0, bytes, point.offset);
      for (const piece of pieces) {
        buf.set(piece.bytes, piece.position - point.offset);
        end = Math.max(end, piece.position - point.offset + piece.bytes.length);
      }
      return buf.subarray(0, end);
    });
  }

  #holding(index: number): Segment {
    const segment = this.#segments.holding(index);
    if (segment === undefined) {
      throw this.#notFound(index);
    }
    return segment;
  }

  /** A truncation may have taken the entries away while they were read. */
  #failure(segment: Segment, index: number, error: unknown): LogError {
    if (this.#segments.holding(index) !== segment) {
      return this.#notFound(index);
    }
    if (error instanceof LogError && error.code === "DT_LOG_CORRUPT") {
      this.#onDamaged(segment);
    }
    return error instanceof LogError
      ? error
      : new LogError(
          { code: "DT_LOG_IO", file: segment.path, operation: "read" },
          { cause: error },
        );
  }

  #isCompacted(index: number): boolean {
    return index > 0 && index < this.#segments.firstIndex;
  }

  #notFound(wantedIndex: number): LogError {
    const { firstIndex, nextIndex } = this.#segments;
    if (this.#isCompacted(wantedIndex)) {
      return new LogError({ code: "DT_LOG_COMPACTED", wantedIndex, firstIndex });
    }
    return new LogError({
      code: "DT_LOG_NOT_FOUND",
      wantedIndex,
      firstIndex,
      lastIndex: nextIndex - 1,
    });
  }
}
