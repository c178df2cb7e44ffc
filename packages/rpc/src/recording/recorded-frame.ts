import { crc32, readUint64, readUtf8, utf8Length } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { Kind } from "../frame.ts";

/*
 * A recording, all integers big-endian. PROTOCOL.md has the same as a table.
 *
 *   header   8  "DTRECORD"
 *            2  version, 1
 *            2  0
 *            8  when it was started, milliseconds since 1970
 *            4  crc32 of the 20 bytes before
 *   record   4  length of the payload
 *            4  crc32 of the payload
 *            n  payload, which begins with
 *                 1  kind: 1 request, 2 response, 3 one-way, as in a frame
 *                 1  0
 *                 2  command
 *                 4  group id, 0 for none
 *                 4  connection: a number of the recording, from 1
 *                 4  seq: which request of the connection
 *                 4  request: remaining microseconds, 0 for none; response: status
 *                 8  when, microseconds since the start
 *               and goes on with the body, for a response after
 *                 2  length of the string code
 *                 n  string code of an error answer
 */

const MAGIC = "DTRECORD";
const VERSION = 1;
export const RECORDING_HEADER_BYTES = 24;
export const RECORD_PREFIX_BYTES = 8;
const FIXED_BYTES = 28;

export interface RecordedFrame {
  readonly kind: Kind;
  readonly command: number;
  readonly groupId: number;
  readonly connection: number;
  readonly seq: number;
  /** Remaining microseconds of a request, status of a response. */
  readonly word: number;
  readonly atMicros: number;
  /** The string code of a response; empty for none. */
  readonly code: string;
  readonly body: Buffer;
}

export function writeRecordingHeader(writer: ByteWriter, startedUnixMs: number): void {
  const start = writer.pos;
  writer.utf8(MAGIC);
  writer.u16(VERSION);
  writer.u16(0);
  writer.u64(startedUnixMs);
  writer.u32(crc32(writer.buf, start, writer.pos));
}

/** When the recording was started; null when this is none, or one of another version. */
export function readRecordingHeader(bytes: Buffer): number | null {
  const end = RECORDING_HEADER_BYTES - 4;
  return bytes.length < RECORDING_HEADER_BYTES ||
    bytes.readUInt32BE(end) !== crc32(bytes, 0, end) ||
    bytes.toString("latin1", 0, MAGIC.length) !== MAGIC ||
    bytes.readUInt16BE(MAGIC.length) !== VERSION
    ? null
    : readUint64(bytes, MAGIC.length + 4);
}

/** Bytes that `writeRecord` will write. */
export function recordBytes(kind: Kind, code: string, bodyBytes: number): number {
  const codeBytes = kind === Kind.response ? 2 + utf8Length(code) : 0;
  return RECORD_PREFIX_BYTES + FIXED_BYTES + codeBytes + bodyBytes;
}

/** Writes a record whose body is body[start, end). */
export function writeRecord(
  writer: ByteWriter,
  kind: Kind,
  command: number,
  groupId: number,
  connection: number,
  seq: number,
  word: number,
  atMicros: number,
  code: string,
  body: Buffer,
  start: number,
  end: number,
): void {
  const recordStart = writer.pos;
  writer.u64(0);
  const payloadStart = writer.pos;
  writer.u8(kind);
  writer.u8(0);
  writer.u16(command);
  writer.u32(groupId);
  writer.u32(connection);
  writer.u32(seq);
  writer.u32(word);
  writer.u64(atMicros);
  if (kind === Kind.response) {
    writer.u16(utf8Length(code));
    writer.utf8(code);
  }
  writer.range(body, start, end);
  const { buf, pos } = writer;
  buf.writeUInt32BE(pos - payloadStart, recordStart);
  buf.writeUInt32BE(crc32(buf, payloadStart, pos), recordStart + 4);
}

/** Reads the payload of a record; null when it is none, whatever its crc says. Its body is a view. */
export function readRecordPayload(payload: Buffer): RecordedFrame | null {
  const kind = payload[0];
  if (
    payload.length < FIXED_BYTES ||
    (kind !== Kind.request && kind !== Kind.response && kind !== Kind.oneWay)
  ) {
    return null;
  }
  let code = "";
  let bodyStart = FIXED_BYTES;
  if (kind === Kind.response) {
    const codeStart = bodyStart + 2;
    bodyStart = payload.length < codeStart ? -1 : codeStart + payload.readUInt16BE(bodyStart);
    if (bodyStart < 0 || bodyStart > payload.length) {
      return null;
    }
    code = readUtf8(payload, codeStart, bodyStart);
  }
  return {
    kind,
    command: payload.readUInt16BE(2),
    groupId: payload.readUInt32BE(4),
    connection: payload.readUInt32BE(8),
    seq: payload.readUInt32BE(12),
    word: payload.readUInt32BE(16),
    atMicros: readUint64(payload, 20),
    code,
    body: payload.subarray(bodyStart),
  };
}
