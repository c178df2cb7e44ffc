import {
  chainAfter,
  type EntryBatch,
  recordHeaderCrc,
  recordIndex,
  recordLength,
  recordTerm,
  scanRecords,
  storedBytes,
} from "@dt/raft";
import type { FileCache } from "./file-cache.ts";
import { readInto } from "./file-io.ts";
import { FRAME_BYTES, FRAME_MARKER } from "./flush-frame.ts";
import { LogError } from "./log-error.ts";
import type { Segment } from "./segment.ts";
import type { IndexPoint } from "./segment-index.ts";
import type { SegmentList } from "./segment-list.ts";

/** Where the log would go on after an entry. */
export interface EntryEnd {
  readonly term: number;
  readonly chain: number;
  readonly endOffset: number;
}

/** Reads entries back, as stored. Every byte that it returns has passed the chain and its checksum. */
export class LogReader {
  readonly #segments: SegmentList;
  readonly #files: FileCache;

  constructor(segments: SegmentList, files: FileCache) {
    this.#segments = segments;
    this.#files = files;
  }

  async read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    const segments = this.#segments;
    if (firstIndex > lastIndex || lastIndex >= segments.nextIndex) {
      throw this.#notFound(lastIndex);
    }
    const batches: EntryBatch[] = [];
    let bytes = 0;
    let index = firstIndex;
    while (index <= lastIndex && (bytes < maxBytes || bytes === 0)) {
      const segment = segments.holding(index);
      if (segment === undefined) {
        throw this.#notFound(index);
      }
      const limit = Math.min(lastIndex + 1, segment.nextIndex);
      const found = await this.#readSegment(segment, index, limit, maxBytes - bytes);
      for (const batch of found) {
        if (bytes > 0 && bytes + batch.bytes.length > maxBytes) {
          return batches;
        }
        batches.push(batch);
        bytes += batch.bytes.length;
        index = batch.lastIndex + 1;
      }
    }
    return batches;
  }

  /** Term, chain and end of an entry that is in the log. */
  async entryEnd(index: number): Promise<EntryEnd> {
    const segment = this.#segments.holding(index);
    if (segment === undefined) {
      throw this.#notFound(index);
    }
    const point = startPoint(segment, index);
    const end = segment.index.after(index)?.offset ?? segment.endOffset;
    const buf = await this.#load(segment, point.offset, end - point.offset);
    const found = locate(buf, point, index);
    if (found === null) {
      throw corrupt(segment, point.offset, index, "the record is not where it was written");
    }
    return {
      term: recordTerm(buf, found.at),
      chain: recordHeaderCrc(buf, found.at),
      endOffset: point.offset + found.at + storedBytes(recordLength(buf, found.at)),
    };
  }

  async #readSegment(
    segment: Segment,
    firstIndex: number,
    limitIndex: number,
    maxBytes: number,
  ): Promise<EntryBatch[]> {
    const point = startPoint(segment, firstIndex);
    const end = segment.index.after(limitIndex - 1)?.offset ?? segment.endOffset;
    const skipped = (segment.index.after(firstIndex)?.offset ?? segment.endOffset) - point.offset;
    const wanted = Math.min(end - point.offset, skipped + maxBytes);
    const buf = await this.#load(segment, point.offset, wanted);
    const found = locate(buf, point, firstIndex);
    if (found === null) {
      throw corrupt(segment, point.offset, firstIndex, "the record is not where it was written");
    }
    const endAt = pack(buf, found.at, limitIndex - firstIndex, maxBytes);
    const run = scanRecords(buf, found.at, endAt, firstIndex - 1, 0, found.prevChain);
    if (run.fault !== null || run.batches.length === 0) {
      const index = run.fault?.index ?? firstIndex;
      throw corrupt(segment, point.offset, index, run.fault?.reason ?? "length");
    }
    return run.batches;
  }

  async #load(segment: Segment, offset: number, bytes: number): Promise<Buffer> {
    const buf = Buffer.allocUnsafeSlow(bytes);
    const { path } = segment;
    let read: number;
    try {
      read = await this.#files.with(path, (file) => readInto(file, buf, 0, bytes, offset));
    } catch (error) {
      throw new LogError({ code: "DT_LOG_IO", file: path, operation: "read" }, { cause: error });
    }
    return buf.subarray(0, read);
  }

  #notFound(wantedIndex: number): LogError {
    const { firstIndex, nextIndex } = this.#segments;
    return new LogError({
      code: "DT_LOG_NOT_FOUND",
      wantedIndex,
      firstIndex,
      lastIndex: nextIndex - 1,
    });
  }
}

function startPoint(segment: Segment, index: number): IndexPoint {
  const point = segment.index.floor(index);
  if (point === undefined) {
    throw corrupt(segment, 0, index, "no position is known");
  }
  return point;
}

/** Steps over frames and records from a point to the record of `index`; null when it is not in `buf`. */
function locate(
  buf: Buffer,
  point: IndexPoint,
  index: number,
): { readonly at: number; readonly prevChain: number } | null {
  let at = 0;
  let next = point.index;
  let prevChain = point.prevChain;
  while (at + FRAME_BYTES <= buf.length) {
    if (buf.readUInt32BE(at) === FRAME_MARKER) {
      at += FRAME_BYTES;
      continue;
    }
    const length = recordLength(buf, at);
    const end = at + storedBytes(length);
    if (length === 0 || end > buf.length) {
      return null;
    }
    if (next === index) {
      const isGood = chainAfter(buf, at, prevChain) === recordHeaderCrc(buf, at);
      return isGood && recordIndex(buf, at) === index ? { at, prevChain } : null;
    }
    prevChain = recordHeaderCrc(buf, at);
    next++;
    at = end;
  }
  return null;
}

/** Moves up to `count` records from `start` together, over the frames between them; returns their end. */
function pack(buf: Buffer, start: number, count: number, maxBytes: number): number {
  let at = start;
  let to = start;
  for (let left = count; left > 0 && at + FRAME_BYTES <= buf.length;) {
    if (buf.readUInt32BE(at) === FRAME_MARKER) {
      at += FRAME_BYTES;
      continue;
    }
    const bytes = storedBytes(recordLength(buf, at));
    const isOver = to > start && to - start + bytes > maxBytes;
    if (bytes === 0 || at + bytes > buf.length || isOver) {
      break;
    }
    if (at !== to) {
      buf.copyWithin(to, at, at + bytes);
    }
    at += bytes;
    to += bytes;
    left--;
  }
  return to;
}

function corrupt(segment: Segment, offset: number, index: number, reason: string): LogError {
  return new LogError({ code: "DT_LOG_CORRUPT", file: segment.path, offset, index, reason });
}
