// Hot path: per entry. No closures, no promises, no views.
import { crc32, readUint64, writeUint64 } from "@dt/codec";

/**
 * Layout of one log record, the same bytes on the wire and on disk. All integers big-endian.
 *
 * ```
 *  0  4  length       40 + payload bytes, without the padding; 0 = no record here
 *  4  4  header crc   crc-32 of bytes [0,4) then [8,40), seeded with the previous entry's header crc
 *  8  1  type         EntryType
 *  9  1  flags        0 in this version
 * 10  2  bizType      meaning of the payload, chosen by the state machine
 * 12  8  term
 * 20  8  index
 * 28  8  timestamp    wall clock of the leader, milliseconds since the epoch
 * 36  4  payload crc  crc-32 of the payload
 * 40  .. payload, then zeros to a multiple of 8
 * ```
 *
 * The header crc covers the payload crc and is seeded with its predecessor's, so the value at an
 * index, called the chain, stands for every byte of the log up to there.
 */
export const RECORD_HEADER_BYTES = 40;
export const RECORD_ALIGNMENT = 8;

/** The chain before the first entry of a log. */
export const INITIAL_CHAIN = 0;

/** `session`: as `normal`, with the call's place in a session before the payload, see session-prefix.ts. */
export const EntryType = { normal: 1, noop: 2, config: 3, session: 4 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** Bytes that a record of `payloadBytes` takes in a batch or a file, padding included. */
export function recordBytes(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + 7) & ~7;
}

/** Bytes from this record's start to the next one's, from its length field. */
export function storedBytes(length: number): number {
  return (length + 7) & ~7;
}

export function recordLength(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at);
}

export function recordHeaderCrc(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at + 4);
}

export function recordType(buf: Buffer, at: number): number {
  return buf.readUInt8(at + 8);
}

export function recordBizType(buf: Buffer, at: number): number {
  return buf.readUInt16BE(at + 10);
}

export function recordTerm(buf: Buffer, at: number): number {
  return readUint64(buf, at + 12);
}

export function recordIndex(buf: Buffer, at: number): number {
  return readUint64(buf, at + 20);
}

export function recordTimestamp(buf: Buffer, at: number): number {
  return readUint64(buf, at + 28);
}

export function recordPayloadCrc(buf: Buffer, at: number): number {
  return buf.readUInt32BE(at + 36);
}

/** The header crc that the record at `at` must carry after a predecessor whose chain is `prevChain`. */
export function chainAfter(buf: Buffer, at: number, prevChain: number): number {
  return crc32(buf, at + 8, at + RECORD_HEADER_BYTES, crc32(buf, at, at + 4, prevChain));
}

/**
 * Writes the header in front of a payload that already stands at `at + 40`, and zeros the padding.
 * Returns the new chain. `payloadCrc` is the crc-32 of the payload.
 */
export function sealRecord(
  buf: Buffer,
  at: number,
  payloadBytes: number,
  payloadCrc: number,
  type: number,
  bizType: number,
  term: number,
  index: number,
  timestampMs: number,
  prevChain: number,
): number {
  const length = RECORD_HEADER_BYTES + payloadBytes;
  buf.writeUInt32BE(length, at);
  buf[at + 8] = type;
  buf[at + 9] = 0;
  buf.writeUInt16BE(bizType, at + 10);
  writeUint64(buf, at + 12, term);
  writeUint64(buf, at + 20, index);
  writeUint64(buf, at + 28, timestampMs);
  buf.writeUInt32BE(payloadCrc, at + 36);
  for (let pad = at + length, end = at + storedBytes(length); pad < end; pad++) {
    buf[pad] = 0;
  }
  const chain = chainAfter(buf, at, prevChain);
  buf.writeUInt32BE(chain, at + 4);
  return chain;
}
