import { readUtf8, utf8Length } from "@dt/codec";
import { TRACEPARENT_BYTES, readTraceparent } from "./traceparent.ts";
import type { ByteWriter } from "@dt/codec";
import type { Encode } from "./call-completion.ts";

/**
 * What an extension block may hold. Unknown tags are skipped.
 *
 *   1 code          error answer: UTF-8
 *   2 detail        error answer: any bytes
 *   3 traceparent   request: 55 ASCII bytes, W3C Trace Context
 *   4 stream        request: it opens a stream; u32 messages and u32 bytes that the opener takes
 */
const Tag = { code: 1, detail: 2, traceparent: 3, stream: 4 } as const;

const BLOCK_HEADER_BYTES = 2;
const FIELD_HEADER_BYTES = 3;
const MAX_BLOCK_BYTES = 0xffff;

/** What an error answer says besides its status: the fields of its extension block. */
export interface ErrorExtension {
  readonly code: string | null;
  /** A view into the receive buffer. */
  readonly detail: Buffer | null;
}

const NO_EXTENSION: ErrorExtension = { code: null, detail: null };

/**
 * Writes the block of an error answer: u16 length, then fields of u8 tag, u16 length, value.
 * Throws a RangeError when code and detail exceed 64 KiB together.
 */
export function writeErrorExtension<A>(
  writer: ByteWriter,
  code: string,
  encodeDetail: Encode<A> | null,
  argument: A,
): void {
  const blockStart = writer.pos;
  writer.ensure(BLOCK_HEADER_BYTES + FIELD_HEADER_BYTES);
  writer.pos += BLOCK_HEADER_BYTES;
  writer.u8(Tag.code);
  writer.u16(utf8Length(code));
  writer.utf8(code);
  if (encodeDetail !== null) {
    writer.u8(Tag.detail);
    writer.u16(0);
    const detailStart = writer.pos;
    encodeDetail(writer, argument);
    patchUint16(writer, detailStart - 2, writer.pos - detailStart);
  }
  patchUint16(writer, blockStart, writer.pos - blockStart - BLOCK_HEADER_BYTES);
}

function patchUint16(writer: ByteWriter, at: number, value: number): void {
  if (value > MAX_BLOCK_BYTES) {
    throw new RangeError(`an extension of ${value} bytes`);
  }
  writer.buf[at] = value >>> 8;
  writer.buf[at + 1] = value;
}

/** What a request says besides its header: the fields of its extension block. */
export class RequestExtension {
  /** A valid W3C traceparent of version 00. */
  readonly traceparent: string | null;
  /** What the opener of a stream takes at first; null for a request that opens none. */
  readonly stream: StreamOpening | null;

  constructor(traceparent: string | null, stream: StreamOpening | null) {
    this.traceparent = traceparent;
    this.stream = stream;
  }
}

export interface StreamOpening {
  readonly messages: number;
  readonly bytes: number;
}

const STREAM_BYTES = 8;

/** A traceparent that is not of 55 bytes is left out. */
export function writeRequestExtension(writer: ByteWriter, extension: RequestExtension): void {
  const { traceparent, stream } = extension;
  const blockStart = writer.pos;
  writer.u16(0);
  if (traceparent !== null) {
    const fieldStart = writer.pos;
    writer.u8(Tag.traceparent);
    writer.u16(TRACEPARENT_BYTES);
    writer.utf8(traceparent);
    if (writer.pos - fieldStart !== FIELD_HEADER_BYTES + TRACEPARENT_BYTES) {
      // It is none. A request never fails by what it says about its trace.
      writer.pos = fieldStart;
    }
  }
  if (stream !== null) {
    writer.u8(Tag.stream);
    writer.u16(STREAM_BYTES);
    writer.u32(stream.messages);
    writer.u32(stream.bytes);
  }
  patchUint16(writer, blockStart, writer.pos - blockStart - BLOCK_HEADER_BYTES);
}

/**
 * Reads the block between `at` and `after`, as `skipExtension` found them; null when it says nothing
 * about a request. Fields that are malformed count as absent: a request never fails by what it says
 * about its trace.
 */
export function readRequestExtension(
  buf: Buffer,
  at: number,
  after: number,
): RequestExtension | null {
  let traceparent: string | null = null;
  let stream: StreamOpening | null = null;
  let pos = at + BLOCK_HEADER_BYTES;
  while (pos + FIELD_HEADER_BYTES <= after) {
    const tag = buf.readUInt8(pos);
    const start = pos + FIELD_HEADER_BYTES;
    pos = start + buf.readUInt16BE(pos + 1);
    if (pos > after) {
      break;
    }
    if (tag === Tag.traceparent) {
      traceparent = readTraceparent(buf, start, pos);
    } else if (tag === Tag.stream && pos - start >= STREAM_BYTES) {
      stream = { messages: buf.readUInt32BE(start), bytes: buf.readUInt32BE(start + 4) };
    }
  }
  return traceparent === null && stream === null ? null : new RequestExtension(traceparent, stream);
}

/**
 * Where the body starts behind an extension block that starts at `at`; -1 when the block does not
 * fit.
 */
export function skipExtension(buf: Buffer, at: number, end: number): number {
  if (at + BLOCK_HEADER_BYTES > end) {
    return -1;
  }
  const after = at + BLOCK_HEADER_BYTES + buf.readUInt16BE(at);
  return after > end ? -1 : after;
}

/**
 * Reads the block between `at` and `after`, as `skipExtension` found them; null when it is
 * malformed.
 */
export function readErrorExtension(buf: Buffer, at: number, after: number): ErrorExtension | null {
  let code: string | null = null;
  let detail: Buffer | null = null;
  let pos = at + BLOCK_HEADER_BYTES;
  while (pos < after) {
    if (pos + FIELD_HEADER_BYTES > after) {
      return null;
    }
    const tag = buf.readUInt8(pos);
    const start = pos + FIELD_HEADER_BYTES;
    pos = start + buf.readUInt16BE(pos + 1);
    if (pos > after) {
      return null;
    }
    if (tag === Tag.code) {
      code = readUtf8(buf, start, pos);
    } else if (tag === Tag.detail) {
      detail = buf.subarray(start, pos);
    }
  }
  return code === null && detail === null ? NO_EXTENSION : { code, detail };
}
