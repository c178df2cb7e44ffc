import { readUtf8, utf8Length } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import type { Encode } from "./call-completion.ts";

/** What an extension block may hold. Unknown tags are skipped. */
const Tag = { code: 1, detail: 2 } as const;

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
