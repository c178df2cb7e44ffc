import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { ByteReader } from "./byte-reader.ts";

function over(hex: string): ByteReader {
  const buf = Buffer.from(`ee${hex}ee`, "hex");
  return new ByteReader().attach(buf, 1, buf.length - 1);
}

describe("ByteReader", () => {
  it("reads what stands in its range, field by field", () => {
    const reader = over("01" + "0203" + "f4050607" + "001fffffffffffff" + "9601" + "03" + "c3a9");
    expect(reader.remaining).toBe(20);
    expect(reader.u8()).toBe(1);
    expect(reader.u16()).toBe(0x0203);
    expect(reader.u32()).toBe(0xf405_0607);
    expect(reader.u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(reader.varint()).toBe(150);
    expect(reader.zigzag()).toBe(-2);
    expect(reader.utf8(2)).toBe("é");
    expect(reader.remaining).toBe(0);
    reader.expectEnd();
  });

  it("hands out views of the buffer, not copies", () => {
    const reader = over("010203");
    const view = reader.view(2);
    reader.buf[1] = 9;
    expect(view).toEqual(Buffer.from([9, 2]));
    reader.skip(1);
    reader.expectEnd();
  });

  it("refuses each field one byte before its end and does not move", () => {
    const reads: [number, (reader: ByteReader) => unknown][] = [
      [1, (reader) => reader.u8()],
      [2, (reader) => reader.u16()],
      [4, (reader) => reader.u32()],
      [8, (reader) => reader.u64()],
      [5, (reader) => reader.view(5)],
      [5, (reader) => reader.utf8(5)],
      [5, (reader) => reader.skip(5)],
    ];
    for (const [byteCount, read] of reads) {
      const reader = over("00".repeat(byteCount - 1));
      expect(codeOf(() => read(reader))).toBe("DT_CODEC_TRUNCATED");
      expect(reader.pos).toBe(1);
    }
    for (const cut of ["", "80", "ffffffffffffffffff"]) {
      expect(codeOf(() => over(cut).varint())).toBe("DT_CODEC_TRUNCATED");
      expect(codeOf(() => over(cut).zigzag())).toBe("DT_CODEC_TRUNCATED");
    }
  });

  it("refuses lengths that no length can be", () => {
    for (const length of [-1, Number.NaN, 2 ** 31, 2 ** 53]) {
      const reader = over("010203");
      expect(codeOf(() => reader.view(length))).toBe("DT_CODEC_TRUNCATED");
      expect(codeOf(() => reader.skip(length))).toBe("DT_CODEC_TRUNCATED");
      expect(codeOf(() => reader.utf8(length))).toBe("DT_CODEC_TRUNCATED");
    }
  });

  it("refuses varints beyond 2^53-1 and beyond ten bytes", () => {
    expect(over("ffffffffffffff0f").varint()).toBe(Number.MAX_SAFE_INTEGER);
    expect(codeOf(() => over("8080808080808010").varint())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("ffffffffffffffffff01").varint())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("80".repeat(10) + "00").varint())).toBe("DT_CODEC_VARINT");
    expect(codeOf(() => over("80".repeat(10) + "00").zigzag())).toBe("DT_CODEC_VARINT");
    expect(over("feffffffffffff1f").zigzag()).toBe(Number.MAX_SAFE_INTEGER);
    expect(over("fdffffffffffff1f").zigzag()).toBe(Number.MIN_SAFE_INTEGER);
    expect(codeOf(() => over("ffffffffffffff1f").zigzag())).toBe("DT_CODEC_UINT64_RANGE");
  });

  it("accepts a varint that is longer than it need be, as protobuf does", () => {
    expect(over("8100").varint()).toBe(1);
    expect(over("80808080808080808000").varint()).toBe(0);
  });

  it("refuses bytes behind the last field", () => {
    expect(codeOf(() => over("00").expectEnd())).toBe("DT_CODEC_TRAILING_BYTES");
  });

  it("is attached only to ranges that exist", () => {
    const buf = Buffer.alloc(4);
    for (const [start, end] of [
      [-1, 2],
      [3, 2],
      [0, 5],
      [Number.NaN, 2],
    ] as const) {
      expect(() => new ByteReader().attach(buf, start, end)).toThrow(RangeError);
    }
    expect(new ByteReader().remaining).toBe(0);
  });
});
