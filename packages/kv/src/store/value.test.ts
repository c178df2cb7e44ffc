import { ByteWriter } from "@dt/codec";
import { describe, expect, it } from "vitest";
import { copyValue, valueBytes, valueEquals, writeValue } from "./value.ts";

/** On both sides of the size from which a value is kept as a buffer. */
const SIZES = [0, 1, 255, 4096, 4097, 100_000];

function bytesOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 256));
}

describe.each(SIZES)("a value of %i bytes", (size) => {
  const source = Buffer.concat([Buffer.from("before"), bytesOf(size), Buffer.from("after")]);
  const value = copyValue(source, 6, 6 + size);

  it("is a copy", () => {
    const changing = Buffer.from(source);
    const copy = copyValue(changing, 6, 6 + size);
    changing.fill(0xee);
    expect(valueBytes(copy)).toEqual(bytesOf(size));
  });

  it("keeps no larger memory alive", () => {
    expect(typeof value === "string" ? value.length : value.buffer.byteLength).toBe(size);
  });

  it("is written as it was", () => {
    const writer = new ByteWriter(8);
    writer.u8(1);
    writeValue(writer, value);
    writer.u8(2);
    expect(writer.buf.subarray(0, writer.pos)).toEqual(
      Buffer.concat([Buffer.from([1]), bytesOf(size), Buffer.from([2])]),
    );
  });

  it("equals its bytes and no others", () => {
    const other = Buffer.concat([bytesOf(size), Buffer.from([0])]);
    expect(valueEquals(value, other, 0, size)).toBe(true);
    expect(valueEquals(value, other, 0, size + 1)).toBe(false);
    if (size > 0) {
      other[size - 1] = ~(other[size - 1] ?? 0);
      expect(valueEquals(value, other, 0, size)).toBe(false);
    }
  });
});
