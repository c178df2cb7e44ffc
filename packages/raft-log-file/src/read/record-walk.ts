// Hot path: per record of a read. No closures, no views.
import {
  chainAfter,
  RECORD_HEADER_BYTES,
  recordHeaderCrc,
  recordIndex,
  recordLength,
  storedBytes,
} from "@dt/raft";
import { FRAME_BYTES, FRAME_MARKER } from "../format/flush-frame.ts";
import type { IndexPoint } from "../segment/segment-index.ts";

/** Where a record stands in a buffer, and the chain of the entry before it. */
export interface RecordPlace {
  readonly at: number;
  readonly prevChain: number;
}

/** Steps over frames and records from a point to the record of `index`; null when it is not in `buf`. */
export function locate(buf: Buffer, point: IndexPoint, index: number): RecordPlace | null {
  let next = point.index;
  let prevChain = point.prevChain;
  for (let at = skipFrames(buf, 0); at + RECORD_HEADER_BYTES <= buf.length;) {
    const length = recordLength(buf, at);
    const end = at + storedBytes(length);
    if (length < RECORD_HEADER_BYTES || end > buf.length) {
      return null;
    }
    const headerCrc = recordHeaderCrc(buf, at);
    if (next === index) {
      const isGood = chainAfter(buf, at, prevChain) === headerCrc && recordIndex(buf, at) === index;
      return isGood ? { at, prevChain } : null;
    }
    prevChain = headerCrc;
    next++;
    at = skipFrames(buf, end);
  }
  return null;
}

/**
 * Moves up to `count` records, of at most `maxBytes` unless the first is larger, together from
 * `start` on, over the frames between them; returns the end of the last.
 */
export function pack(buf: Buffer, start: number, count: number, maxBytes: number): number {
  let to = start;
  let at = start;
  for (let left = count; left > 0; left--) {
    at = skipFrames(buf, at);
    if (at + RECORD_HEADER_BYTES > buf.length) {
      return to;
    }
    const bytes = storedBytes(recordLength(buf, at));
    const isTooMuch = to > start && to - start + bytes > maxBytes;
    if (bytes < RECORD_HEADER_BYTES || at + bytes > buf.length || isTooMuch) {
      return to;
    }
    if (at !== to) {
      buf.copyWithin(to, at, at + bytes);
    }
    at += bytes;
    to += bytes;
  }
  return to;
}

function skipFrames(buf: Buffer, at: number): number {
  let pos = at;
  while (pos + FRAME_BYTES <= buf.length && buf.readUInt32BE(pos) === FRAME_MARKER) {
    pos += FRAME_BYTES;
  }
  return pos;
}
