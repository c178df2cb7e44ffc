import { crc32, readUint64, writeUint64 } from "@dt/codec";
import { LogError } from "../log-error.ts";
import { checkVersion, STORE_ID_BYTES } from "./log-identity.ts";

/** The header's own block at the start of every segment; records begin behind it. */
export const SEGMENT_HEADER_BYTES = 4096;
/** Version 2 added the flags "recycled" and "base"; files of version 1 have neither. */
export const SEGMENT_FORMAT_VERSION = 2;
export const SALT_BYTES = 16;

const MAGIC = Buffer.from("DTRFTSEG", "latin1");
const CRC_AT = 96;

const UNSYNCED_FLAG = 1;
const RECYCLED_FLAG = 2;
const BASE_FLAG = 4;

/** First block of a segment. Layout in FORMAT.md. */
export interface SegmentHeader {
  readonly groupId: number;
  /** Identity of the data directory. */
  readonly storeId: Buffer;
  /** Grows by one with each segment of a log; of two that claim the same index, the higher is right. */
  readonly sequence: number;
  /** Index of the first record. */
  readonly firstIndex: number;
  /** Term and chain of the entry before it; 0 before index 1. */
  readonly prevTerm: number;
  readonly prevChain: number;
  /** Size that the file grows to. */
  readonly segmentBytes: number;
  /** False when it was written without syncs: a power cut may then have left holes. */
  readonly isSynced: boolean;
  /** Bytes of the file's earlier life may stand behind the last flush. */
  readonly isRecycled: boolean;
  /** The log begins here: segments of a lower sequence are no part of it, whatever they hold. */
  readonly isBase: boolean;
  /** Random; makes frames of another segment invalid in this one. */
  readonly salt: Buffer;
}

/** Writes the block at `at` and returns its crc, which seeds the frames of the segment. */
export function encodeSegmentHeader(header: SegmentHeader, into: Buffer, at: number): number {
  into.fill(0, at, at + SEGMENT_HEADER_BYTES);
  MAGIC.copy(into, at);
  into.writeUInt32BE(SEGMENT_FORMAT_VERSION, at + 8);
  into.writeUInt32BE(header.groupId, at + 12);
  header.storeId.copy(into, at + 16);
  writeUint64(into, at + 32, header.sequence);
  writeUint64(into, at + 40, header.firstIndex);
  writeUint64(into, at + 48, header.prevTerm);
  into.writeUInt32BE(header.prevChain, at + 56);
  into.writeUInt32BE(flagsOf(header), at + 60);
  into.writeUInt32BE(header.segmentBytes, at + 64);
  header.salt.copy(into, at + 72);
  const crc = crc32(into, at, at + CRC_AT);
  into.writeUInt32BE(crc, at + CRC_AT);
  return crc;
}

/** Reads the block at the start of `block`. Throws DT_LOG_CORRUPT and DT_LOG_FORMAT. */
export function decodeSegmentHeader(
  block: Buffer,
  file: string,
): { readonly header: SegmentHeader; readonly crc: number } {
  if (block.length < SEGMENT_HEADER_BYTES || !block.subarray(0, 8).equals(MAGIC)) {
    throw damaged(file, "no segment header");
  }
  checkVersion(file, block.readUInt32BE(8), SEGMENT_FORMAT_VERSION);
  const flags = block.readUInt32BE(60);
  const crc = crc32(block, 0, CRC_AT);
  if (crc !== block.readUInt32BE(CRC_AT)) {
    throw damaged(file, "segment header fails its checksum");
  }
  return {
    crc,
    header: {
      groupId: block.readUInt32BE(12),
      storeId: Buffer.from(block.subarray(16, 16 + STORE_ID_BYTES)),
      sequence: readUint64(block, 32),
      firstIndex: readUint64(block, 40),
      prevTerm: readUint64(block, 48),
      prevChain: block.readUInt32BE(56),
      isSynced: (flags & UNSYNCED_FLAG) === 0,
      isRecycled: (flags & RECYCLED_FLAG) !== 0,
      isBase: (flags & BASE_FLAG) !== 0,
      segmentBytes: block.readUInt32BE(64),
      salt: Buffer.from(block.subarray(72, 72 + SALT_BYTES)),
    },
  };
}

function flagsOf(header: SegmentHeader): number {
  return (
    (header.isSynced ? 0 : UNSYNCED_FLAG) |
    (header.isRecycled ? RECYCLED_FLAG : 0) |
    (header.isBase ? BASE_FLAG : 0)
  );
}

function damaged(file: string, reason: string): LogError {
  return new LogError({ code: "DT_LOG_CORRUPT", file, offset: 0, index: 0, reason });
}
