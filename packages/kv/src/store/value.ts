// Hot path: per operation. Bench: bench/store.bench.ts. No closures.
import type { ByteWriter } from "@dt/codec";
import { readLatin1 } from "./latin1.ts";

export const MAX_VALUE_BYTES: number = 1 << 20;

/** Up to this size a value is cheaper as a string; see decisions/0001-values-as-strings.md. */
const STRING_MAX_BYTES = 4096;

/**
 * The bytes of a value, immutable, in memory of its own: neither form keeps a network or log buffer alive.
 * A string has one character per byte.
 */
export type Value = string | Buffer;

export const NO_VALUE: Value = "";

/** Copies buf[start, end). */
export function copyValue(buf: Buffer, start: number, end: number): Value {
  if (end - start <= STRING_MAX_BYTES) {
    return readLatin1(buf, start, end);
  }
  // Not from the pool: a slice of it would keep the whole pool buffer alive.
  const copy = Buffer.allocUnsafeSlow(end - start);
  buf.copy(copy, 0, start, end);
  return copy;
}

export function writeValue(writer: ByteWriter, value: Value): void {
  if (typeof value === "string") {
    const { length } = value;
    writer.ensure(length);
    writer.buf.write(value, writer.pos, "latin1");
    writer.pos += length;
  } else {
    writer.bytes(value);
  }
}

export function valueEquals(value: Value, buf: Buffer, start: number, end: number): boolean {
  if (value.length !== end - start) {
    return false;
  }
  return typeof value === "string"
    ? value === readLatin1(buf, start, end)
    : value.compare(buf, start, end) === 0;
}

export function valueBytes(value: Value): Buffer {
  return typeof value === "string" ? Buffer.from(value, "latin1") : Buffer.from(value);
}
