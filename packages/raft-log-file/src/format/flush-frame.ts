// Hot path: per flush. No closures, no promises.
import { crc32, readUint64, writeUint64 } from "@dt/codec";

/**
 * Every flush, that is one write followed by one sync, starts with a frame:
 *
 * ```
 *  0  4  marker         a value that no record's length field can have
 *  4  4  crc            crc-32 of bytes [8,32), seeded with the crc of the segment's header
 *  8  8  flush          number of the flush in this segment, growing
 * 16  8  first index    of the first record behind the frame
 * 24  4  chain          of the entry before it
 * 28  4  record bytes   behind the frame, whole padded records
 * ```
 *
 * One flush is in the air at a time, so a valid frame proves that every flush before it had been
 * synced: damage before it is damage to acknowledged entries, damage after the last one may be what
 * a power cut left. Bytes of an earlier life of the space have lower numbers or another seed.
 */
export const FRAME_BYTES = 32;

/** Records are shorter than 2^31, so a first byte above 127 tells a frame from a record. */
export const FRAME_MARKER = 0xf1a5_4d7e;

export function writeFrame(
  buf: Buffer,
  at: number,
  seed: number,
  flush: number,
  firstIndex: number,
  prevChain: number,
  recordBytes: number,
): void {
  buf.writeUInt32BE(FRAME_MARKER, at);
  writeUint64(buf, at + 8, flush);
  writeUint64(buf, at + 16, firstIndex);
  buf.writeUInt32BE(prevChain, at + 24);
  buf.writeUInt32BE(recordBytes, at + 28);
  buf.writeUInt32BE(crc32(buf, at + 8, at + FRAME_BYTES, seed), at + 4);
}

/** True for a frame of this segment whose bytes are all as they were written. */
export function isFrame(buf: Buffer, at: number, end: number, seed: number): boolean {
  return (
    at + FRAME_BYTES <= end &&
    buf.readUInt32BE(at) === FRAME_MARKER &&
    buf.readUInt32BE(at + 4) === crc32(buf, at + 8, at + FRAME_BYTES, seed)
  );
}

export function frameFlush(buf: Buffer, at: number): number {
  return readUint64(buf, at + 8);
}

export function frameFirstIndex(buf: Buffer, at: number): number {
  return readUint64(buf, at + 16);
}

export function framePrevChain(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at + 24);
}

export function frameRecordBytes(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at + 28);
}
