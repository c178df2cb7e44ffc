import type { ByteWriter } from "@dt/codec";

/** A key stands in a request as `u16 length · UTF-8`, or without the length where it is the rest of the body. */
export const KEY_LENGTH_BYTES = 2;

/** Where the key whose length field is at `at` ends; -1 when it does not end within buf[at, end). */
export function keyFieldEnd(buf: Buffer, at: number, end: number): number {
  if (end - at < KEY_LENGTH_BYTES) {
    return -1;
  }
  const keyEnd = at + KEY_LENGTH_BYTES + (((buf[at] as number) << 8) | (buf[at + 1] as number));
  return keyEnd <= end ? keyEnd : -1;
}

/** Writes the length and the key; the key is at most 65 535 bytes. */
export function writeKeyField(writer: ByteWriter, key: string): void {
  const at = writer.pos;
  writer.u16(0);
  writer.utf8(key);
  const length = writer.pos - at - KEY_LENGTH_BYTES;
  writer.buf[at] = length >>> 8;
  writer.buf[at + 1] = length;
}

/**
 * Bytes to store: text stands for its UTF-8 form. They are read whenever an attempt is sent, so they must stay as they
 * are until the call has ended.
 */
export type ValueInput = Uint8Array | string;

export function writeValueInput(writer: ByteWriter, value: ValueInput): void {
  if (typeof value === "string") {
    writer.utf8(value);
  } else {
    writer.bytes(value);
  }
}
