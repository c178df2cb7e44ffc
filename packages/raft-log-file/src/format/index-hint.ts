import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { TermRun } from "@dt/raft";
import type { IndexPoint } from "../segment/segment-index.ts";

const MAGIC = Buffer.from("DTRFTIDX", "latin1");
const FORMAT_VERSION = 1;
const HEAD_BYTES = 48;
const ITEM_BYTES = 16;
const CRC_BYTES = 4;

/** What was known of a segment when it got its successor. A hint: whoever uses it checks it. */
export interface IndexHint {
  /** Crc of the segment's header: a hint of another segment of this name is not used. */
  readonly seed: number;
  /** The index after the last one. */
  readonly nextIndex: number;
  readonly endOffset: number;
  readonly points: readonly IndexPoint[];
  readonly termRuns: readonly TermRun[];
}

/** Layout in FORMAT.md. */
export function encodeHint(hint: IndexHint): Buffer {
  const { points, termRuns } = hint;
  const bytes = Buffer.alloc(
    HEAD_BYTES + ITEM_BYTES * (points.length + termRuns.length) + CRC_BYTES,
  );
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(FORMAT_VERSION, 8);
  bytes.writeUInt32BE(hint.seed, 12);
  writeUint64(bytes, 16, hint.nextIndex);
  writeUint64(bytes, 24, hint.endOffset);
  bytes.writeUInt32BE(points.length, 32);
  bytes.writeUInt32BE(termRuns.length, 36);
  let at = HEAD_BYTES;
  for (const point of points) {
    writeUint64(bytes, at, point.index);
    bytes.writeUInt32BE(point.offset, at + 8);
    bytes.writeUInt32BE(point.prevChain, at + 12);
    at += ITEM_BYTES;
  }
  for (const run of termRuns) {
    writeUint64(bytes, at, run.firstIndex);
    writeUint64(bytes, at + 8, run.term);
    at += ITEM_BYTES;
  }
  bytes.writeUInt32BE(crc32(bytes, 0, at), at);
  return bytes;
}

/** Null for anything but a whole hint of the segment with this seed. */
export function decodeHint(bytes: Buffer, seed: number): IndexHint | null {
  const end = bytes.length - CRC_BYTES;
  const isOurs =
    end >= HEAD_BYTES &&
    MAGIC.equals(bytes.subarray(0, MAGIC.length)) &&
    crc32(bytes, 0, end) === bytes.readUInt32BE(end) &&
    bytes.readUInt32BE(8) === FORMAT_VERSION &&
    bytes.readUInt32BE(12) === seed;
  if (!isOurs) {
    return null;
  }
  const pointCount = bytes.readUInt32BE(32);
  const runCount = bytes.readUInt32BE(36);
  if (end !== HEAD_BYTES + ITEM_BYTES * (pointCount + runCount)) {
    return null;
  }
  const points: IndexPoint[] = [];
  const termRuns: TermRun[] = [];
  for (let at = HEAD_BYTES; at < end; at += ITEM_BYTES) {
    if (points.length < pointCount) {
      points.push({
        index: readUint64(bytes, at),
        offset: bytes.readUInt32BE(at + 8),
        prevChain: bytes.readUInt32BE(at + 12),
      });
    } else {
      termRuns.push({ firstIndex: readUint64(bytes, at), term: readUint64(bytes, at + 8) });
    }
  }
  return {
    seed,
    nextIndex: readUint64(bytes, 16),
    endOffset: readUint64(bytes, 24),
    points,
    termRuns,
  };
}
