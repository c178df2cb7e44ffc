// Hot path: per wave of flushes. Bench: dt bench log --groups 100.
import { crc32, readUint64, writeUint64 } from "@dt/codec";
import { checkVersion, STORE_ID_BYTES } from "./log-identity.ts";
import { SALT_BYTES } from "./segment-header.ts";

/** The header's own block, and what frames are a multiple of. */
export const JOURNAL_BLOCK_BYTES = 4096;
export const JOURNAL_FORMAT_VERSION = 2;
const MAGIC = Buffer.from("DTRFTJNL", "latin1");
const HEADER_CRC_AT = 60;

/** First block of a journal file. Layout in FORMAT.md. */
export interface JournalHeader {
  readonly storeId: Buffer;
  /** Grows whenever a file is begun anew: the higher one continues the lower one. */
  readonly epoch: number;
  /** Frames of the file that this one continues. */
  readonly framesBefore: number;
  readonly salt: Buffer;
}

/** Writes the block and returns its crc, which seeds the frames of the file. */
export function encodeJournalHeader(header: JournalHeader, into: Buffer, at: number): number {
  into.fill(0, at, at + JOURNAL_BLOCK_BYTES);
  MAGIC.copy(into, at);
  into.writeUInt32BE(JOURNAL_FORMAT_VERSION, at + 8);
  header.storeId.copy(into, at + 12);
  writeUint64(into, at + 28, header.epoch);
  writeUint64(into, at + 36, header.framesBefore);
  header.salt.copy(into, at + 44);
  const crc = crc32(into, at, at + HEADER_CRC_AT);
  into.writeUInt32BE(crc, at + HEADER_CRC_AT);
  return crc;
}

/** Null when there is none, or not a whole one. Throws DT_LOG_FORMAT. */
export function decodeJournalHeader(
  block: Buffer,
  file: string,
): {
  readonly header: JournalHeader;
  readonly seed: number;
  readonly extentBytes: number;
} | null {
  if (block.length < JOURNAL_BLOCK_BYTES || !block.subarray(0, MAGIC.length).equals(MAGIC)) {
    return null;
  }
  const seed = crc32(block, 0, HEADER_CRC_AT);
  if (seed !== block.readUInt32BE(HEADER_CRC_AT)) {
    return null;
  }
  const version = block.readUInt32BE(8);
  checkVersion(file, version, JOURNAL_FORMAT_VERSION);
  return {
    seed,
    extentBytes: version === 1 ? EXTENT_BYTES_V1 : EXTENT_BYTES,
    header: {
      storeId: Buffer.from(block.subarray(12, 12 + STORE_ID_BYTES)),
      epoch: readUint64(block, 28),
      framesBefore: readUint64(block, 36),
      salt: Buffer.from(block.subarray(44, 44 + SALT_BYTES)),
    },
  };
}

/** Of a header that is damaged: what its frames can be seeded with, unless both it and its crc are. */
export function journalSeeds(block: Buffer): readonly number[] {
  return [block.readUInt32BE(HEADER_CRC_AT), crc32(block, 0, HEADER_CRC_AT)];
}

/** Whether a block begins as every header of a store does. */
export function startsHeader(block: Buffer, storeId: Buffer): boolean {
  const found = block.subarray(12, 12 + STORE_ID_BYTES);
  return block.subarray(0, MAGIC.length).equals(MAGIC) && found.equals(storeId);
}

/** Bytes of one flush in a frame. */
export interface Extent {
  readonly groupId: number;
  /** Crc of the header of the segment that it is of, and the index in that one's name. */
  readonly seed: number;
  readonly segmentFirstIndex: number;
  readonly firstIndex: number;
  /** Where in the segment. */
  readonly position: number;
  readonly length: number;
  readonly crc: number;
  /** Of the flush, and its chain; 0 in files of version 1, which do not tell. */
  readonly lastIndex: number;
  readonly lastChain: number;
}

const FRAME_MARKER = 0xf1a5_4d7f;
const TRAILER_MARKER = 0xf1a5_4d80;
const HEAD_BYTES = 24;
const EXTENT_BYTES = 48;
const EXTENT_BYTES_V1 = 40;
const TRAILER_BYTES = 16;

/** Sizes of what tells of an extent, by version, the newest first. */
export const journalExtentBytes: readonly number[] = [EXTENT_BYTES, EXTENT_BYTES_V1];

/** Bytes of a frame with so many extents and so many bytes of theirs. */
export function journalFrameBytes(extentCount: number, contentBytes: number): number {
  const bytes = 2 * tableBytes(extentCount) + contentBytes + TRAILER_BYTES;
  return Math.ceil(bytes / JOURNAL_BLOCK_BYTES) * JOURNAL_BLOCK_BYTES;
}

/** Where the content of the first extent begins in a frame; the others follow. */
export function tableBytes(extentCount: number, extentBytes = EXTENT_BYTES): number {
  return HEAD_BYTES + extentCount * extentBytes;
}

/** Writes what tells of an extent, before `sealFrame`. */
export function writeExtent(
  into: Buffer,
  at: number,
  number: number,
  groupId: number,
  extent: Omit<Extent, "groupId" | "length" | "crc">,
  length: number,
  crc: number,
): void {
  const entry = at + HEAD_BYTES + number * EXTENT_BYTES;
  into.writeUInt32BE(groupId, entry);
  into.writeUInt32BE(extent.seed, entry + 4);
  writeUint64(into, entry + 8, extent.segmentFirstIndex);
  writeUint64(into, entry + 16, extent.firstIndex);
  into.writeUInt32BE(extent.position, entry + 24);
  into.writeUInt32BE(length, entry + 28);
  into.writeUInt32BE(crc, entry + 32);
  into.writeUInt32BE(extent.lastChain, entry + 36);
  writeUint64(into, entry + 40, extent.lastIndex);
}

/** Completes the frame around its extents: head, the copy of head and table, trailer. */
export function sealFrame(
  into: Buffer,
  at: number,
  seed: number,
  frame: number,
  extentCount: number,
  contentBytes: number,
): void {
  const table = tableBytes(extentCount);
  const frameBytes = journalFrameBytes(extentCount, contentBytes);
  into.writeUInt32BE(FRAME_MARKER, at);
  writeUint64(into, at + 8, frame);
  into.writeUInt32BE(extentCount, at + 16);
  into.writeUInt32BE(frameBytes, at + 20);
  into.writeUInt32BE(crc32(into, at + 8, at + table, seed), at + 4);
  const end = at + frameBytes;
  const copyAt = end - TRAILER_BYTES - table;
  into.fill(0, at + table + contentBytes, copyAt);
  into.copyWithin(copyAt, at, at + table);
  into.writeUInt32BE(TRAILER_MARKER, end - TRAILER_BYTES);
  into.writeUInt32BE(table, end - 12);
  into.writeUInt32BE(frameBytes, end - 8);
  into.writeUInt32BE(crc32(into, end - TRAILER_BYTES, end - 4, seed), end - 4);
}

/** Whether a frame begins at `at`, whole or not. */
export function startsFrame(bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === FRAME_MARKER;
}

export interface JournalFrame {
  readonly number: number;
  readonly at: number;
  readonly end: number;
  /** Where the bytes of the first extent begin; those of the others follow. */
  readonly contentAt: number;
  readonly extents: readonly Extent[];
}

/** The frame that begins at `at`; null unless its head is as it was written. */
export function frameAt(
  bytes: Buffer,
  at: number,
  seed: number,
  extentBytes = EXTENT_BYTES,
): JournalFrame | null {
  return readTable(bytes, at, at, seed, extentBytes);
}

/** The frame that ends at `end`, by the copy of its head; null unless that is as it was written. */
export function frameEndingAt(
  bytes: Buffer,
  end: number,
  seed: number,
  extentBytes = EXTENT_BYTES,
): JournalFrame | null {
  const trailerAt = end - TRAILER_BYTES;
  if (
    trailerAt < 0 ||
    bytes.readUInt32BE(trailerAt) !== TRAILER_MARKER ||
    bytes.readUInt32BE(end - 4) !== crc32(bytes, trailerAt, end - 4, seed)
  ) {
    return null;
  }
  const at = end - bytes.readUInt32BE(end - 8);
  const from = trailerAt - bytes.readUInt32BE(end - 12);
  return at < 0 ? null : readTable(bytes, from, at, seed, extentBytes);
}

/** Reads the head and table at `from`, which are those of the frame at `at` or their copy. */
function readTable(
  bytes: Buffer,
  from: number,
  at: number,
  seed: number,
  extentBytes: number,
): JournalFrame | null {
  if (from < 0 || from + HEAD_BYTES > bytes.length || bytes.readUInt32BE(from) !== FRAME_MARKER) {
    return null;
  }
  const extentCount = bytes.readUInt32BE(from + 16);
  const frameBytes = bytes.readUInt32BE(from + 20);
  const table = tableBytes(extentCount, extentBytes);
  const end = from + table;
  if (
    end > bytes.length ||
    at + frameBytes > bytes.length ||
    bytes.readUInt32BE(from + 4) !== crc32(bytes, from + 8, end, seed)
  ) {
    return null;
  }
  const extents: Extent[] = [];
  for (let i = from + HEAD_BYTES; i < end; i += extentBytes) {
    extents.push(readExtent(bytes, i, extentBytes));
  }
  const number = readUint64(bytes, from + 8);
  return { number, at, end: at + frameBytes, contentAt: at + table, extents };
}

function readExtent(bytes: Buffer, at: number, extentBytes: number): Extent {
  const hasEnd = extentBytes === EXTENT_BYTES;
  return {
    groupId: bytes.readUInt32BE(at),
    seed: bytes.readUInt32BE(at + 4),
    segmentFirstIndex: readUint64(bytes, at + 8),
    firstIndex: readUint64(bytes, at + 16),
    position: bytes.readUInt32BE(at + 24),
    length: bytes.readUInt32BE(at + 28),
    crc: bytes.readUInt32BE(at + 32),
    lastIndex: hasEnd ? readUint64(bytes, at + 40) : 0,
    lastChain: hasEnd ? bytes.readUInt32BE(at + 36) : 0,
  };
}
