import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { ConfigEntry, TermRun } from "@dt/raft";
import type { IndexPoint } from "../segment/segment-index.ts";

const MAGIC = Buffer.from("DTRFTIDX", "latin1");
/** Hints of version 1 knew no times and no configurations: they are not used. */
const FORMAT_VERSION = 2;
const HEAD_BYTES = 56;
const POINT_BYTES = 24;
const RUN_BYTES = 16;
const CONFIG_HEAD_BYTES = 20;
const CRC_BYTES = 4;

/** What was known of a segment when it got its successor. A hint: whoever uses it checks it. */
export interface IndexHint {
  /** Crc of the segment's header: a hint of another segment of this name is not used. */
  readonly seed: number;
  /** The index after the last one. */
  readonly nextIndex: number;
  readonly endOffset: number;
  readonly maxTimestampMs: number;
  readonly points: readonly IndexPoint[];
  readonly termRuns: readonly TermRun[];
  readonly configs: readonly ConfigEntry[];
}

/** Layout in FORMAT.md. */
export function encodeHint(hint: IndexHint): Buffer {
  const { points, termRuns, configs } = hint;
  const bytes = Buffer.alloc(
    HEAD_BYTES +
      POINT_BYTES * points.length +
      RUN_BYTES * termRuns.length +
      configs.reduce((sum, { payload }) => sum + CONFIG_HEAD_BYTES + payload.length, 0) +
      CRC_BYTES,
  );
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(FORMAT_VERSION, 8);
  bytes.writeUInt32BE(hint.seed, 12);
  writeUint64(bytes, 16, hint.nextIndex);
  writeUint64(bytes, 24, hint.endOffset);
  bytes.writeUInt32BE(points.length, 32);
  bytes.writeUInt32BE(termRuns.length, 36);
  bytes.writeUInt32BE(configs.length, 40);
  writeUint64(bytes, 48, hint.maxTimestampMs);
  let at = HEAD_BYTES;
  for (const point of points) {
    writeUint64(bytes, at, point.index);
    bytes.writeUInt32BE(point.offset, at + 8);
    bytes.writeUInt32BE(point.prevChain, at + 12);
    writeUint64(bytes, at + 16, point.maxTimestampMs);
    at += POINT_BYTES;
  }
  for (const run of termRuns) {
    writeUint64(bytes, at, run.firstIndex);
    writeUint64(bytes, at + 8, run.term);
    at += RUN_BYTES;
  }
  for (const { index, term, payload } of configs) {
    writeUint64(bytes, at, index);
    writeUint64(bytes, at + 8, term);
    bytes.writeUInt32BE(payload.length, at + 16);
    payload.copy(bytes, at + CONFIG_HEAD_BYTES);
    at += CONFIG_HEAD_BYTES + payload.length;
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
  const runsAt = HEAD_BYTES + POINT_BYTES * bytes.readUInt32BE(32);
  const configsAt = runsAt + RUN_BYTES * bytes.readUInt32BE(36);
  const configs = configsAt > end ? null : decodeConfigs(bytes, configsAt, end);
  if (configs === null || configs.length !== bytes.readUInt32BE(40)) {
    return null;
  }
  return {
    seed,
    nextIndex: readUint64(bytes, 16),
    endOffset: readUint64(bytes, 24),
    maxTimestampMs: readUint64(bytes, 48),
    points: decodePoints(bytes, HEAD_BYTES, runsAt),
    termRuns: decodeRuns(bytes, runsAt, configsAt),
    configs,
  };
}

function decodePoints(bytes: Buffer, start: number, end: number): IndexPoint[] {
  const points: IndexPoint[] = [];
  for (let at = start; at < end; at += POINT_BYTES) {
    points.push({
      index: readUint64(bytes, at),
      offset: bytes.readUInt32BE(at + 8),
      prevChain: bytes.readUInt32BE(at + 12),
      maxTimestampMs: readUint64(bytes, at + 16),
    });
  }
  return points;
}

function decodeRuns(bytes: Buffer, start: number, end: number): TermRun[] {
  const runs: TermRun[] = [];
  for (let at = start; at < end; at += RUN_BYTES) {
    runs.push({ firstIndex: readUint64(bytes, at), term: readUint64(bytes, at + 8) });
  }
  return runs;
}

/** Null when the items do not end at `end`. */
function decodeConfigs(bytes: Buffer, start: number, end: number): ConfigEntry[] | null {
  const configs: ConfigEntry[] = [];
  let at = start;
  while (at < end) {
    const payloadAt = at + CONFIG_HEAD_BYTES;
    const payloadEnd = payloadAt <= end ? payloadAt + bytes.readUInt32BE(at + 16) : Infinity;
    if (payloadEnd > end) {
      return null;
    }
    configs.push({
      index: readUint64(bytes, at),
      term: readUint64(bytes, at + 8),
      payload: Buffer.from(bytes.subarray(payloadAt, payloadEnd)),
    });
    at = payloadEnd;
  }
  return configs;
}
