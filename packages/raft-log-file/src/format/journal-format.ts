// Hot path: per wave of flushes. Bench: dt bench log --groups 100.
import { crc32, readUint64, writeUint64 } from "@dt/codec";
import { checkVersion, STORE_ID_BYTES } from "./log-identity.ts";
import { SALT_BYTES } from "./segment-header.ts";

/** The header's own block, and what frames are a multiple of. */
export const JOURNAL_BLOCK_BYTES = 4096;
export const JOURNAL_FORMAT_VERSION = 1;
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
): { readonly header: JournalHeader; readonly seed: number } | null {
  if (block.length < JOURNAL_BLOCK_BYTES || !block.subarray(0, MAGIC.length).equals(MAGIC)) {
    return null;
  }
  const seed = crc32(block, 0, HEADER_CRC_AT);
  if (seed !== block.readUInt32BE(HEADER_CRC_AT)) {
    return null;
  }
  checkVersion(file, block.readUInt32BE(8), JOURNAL_FORMAT_VERSION);
  return {
    seed,
    header: {
      storeId: Buffer.from(block.subarray(12, 12 + STORE_ID_BYTES)),
      epoch: readUint64(block, 28),
      framesBefore: readUint64(block, 36),
      salt: Buffer.from(block.subarray(44, 44 + SALT_BYTES)),
    },
  };
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
}

const FRAME_MARKER = 0xf1a5_4d7f;
const TRAILER_MARKER = 0xf1a5_4d80;
const HEAD_BYTES = 24;
const EXTENT_BYTES = 40;
const TRAILER_BYTES = 16;

/** Bytes of a frame with so many extents and so many bytes of theirs. */
export function journalFrameBytes(extentCount: number, contentBytes: number): number {
  const bytes = 2 * tableBytes(extentCount) + contentBytes + TRAILER_BYTES;
  return Math.ceil(bytes / JOURNAL_BLOCK_BYTES) * JOURNAL_BLOCK_BYTES;
}

/** Where the content of the first extent begins in a frame; the others follow. */
export function tableBytes(extentCount: number): number {
  return HEAD_BYTES + extentCount * EXTENT_BYTES;
}

/** Writes what tells of an extent, before `sealFrame`. */
export function writeExtent(
  into: Buffer,
  at: number,
  number: number,
  extent: Omit<Extent, "crc">,
  crc: number,
): void {
  const entry = at + HEAD_BYTES + number * EXTENT_BYTES;
  into.writeUInt32BE(extent.groupId, entry);
  into.writeUInt32BE(extent.seed, entry + 4);
  writeUint64(into, entry + 8, extent.segmentFirstIndex);
  writeUint64(into, entry + 16, extent.firstIndex);
  into.writeUInt32BE(extent.position, entry + 24);
  into.writeUInt32BE(extent.length, entry + 28);
  into.writeUInt32BE(crc, entry + 32);
  into.writeUInt32BE(0, entry + 36);
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

export interface JournalFrame {
  readonly number: number;
  readonly at: number;
  readonly end: number;
  readonly extents: readonly Extent[];
}

/** The frame that begins at `at`; null unless its head is as it was written. */
export function frameAt(bytes: Buffer, at: number, seed: number): JournalFrame | null {
  return readTable(bytes, at, at, seed);
}

/** The frame that ends at `end`, by the copy of its head; null unless that is as it was written. */
export function frameEndingAt(bytes: Buffer, end: number, seed: number): JournalFrame | null {
  const trailerAt = end - TRAILER_BYTES;
  if (
    trailerAt < 0 ||
    bytes.readUInt32BE(trailerAt) !== TRAILER_MARKER ||
    bytes.readUInt32BE(end - 4) !== crc32(bytes, trailerAt, end - 4, seed)
  ) {
    return null;
  }
  const at = end - bytes.readUInt32BE(end - 8);
  return at < 0 ? null : readTable(bytes, trailerAt - bytes.readUInt32BE(end - 12), at, seed);
}

function readTable(bytes: Buffer, from: number, at: number, seed: number): JournalFrame | null {
  if (from < 0 || from + HEAD_BYTES > bytes.length || bytes.readUInt32BE(from) !== FRAME_MARKER) {
    return null;
  }
  const extentCount = bytes.readUInt32BE(from + 16);
  const frameBytes = bytes.readUInt32BE(from + 20);
  const end = from + tableBytes(extentCount);
  if (
    end > bytes.length ||
    at + frameBytes > bytes.length ||
    bytes.readUInt32BE(from + 4) !== crc32(bytes, from + 8, end, seed)
  ) {
    return null;
  }
  const extents: Extent[] = [];
  for (let i = from + HEAD_BYTES; i < end; i += EXTENT_BYTES) {
    extents.push({
      groupId: bytes.readUInt32BE(i),
      seed: bytes.readUInt32BE(i + 4),
      segmentFirstIndex: readUint64(bytes, i + 8),
      firstIndex: readUint64(bytes, i + 16),
      position: bytes.readUInt32BE(i + 24),
      length: bytes.readUInt32BE(i + 28),
      crc: bytes.readUInt32BE(i + 32),
    });
  }
  return { number: readUint64(bytes, from + 8), at, end: at + frameBytes, extents };
}
