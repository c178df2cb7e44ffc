import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { ByteWriter } from "./byte-writer.ts";

function written(writer: ByteWriter): string {
  return writer.buf.subarray(0, writer.pos).toString("hex");
}

describe("ByteWriter", () => {
  it("writes fixed integers with the highest byte first", () => {
    const writer = new ByteWriter();
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0xf405_0607);
    writer.u64(2 ** 53 - 1);
    expect(written(writer)).toBe("01" + "0203" + "f4050607" + "001fffffffffffff");
  });

  it("writes zigzag as protobuf's documentation shows", () => {
    const cases: [number, string][] = [
      [0, "00"],
      [-1, "01"],
      [1, "02"],
      [-2, "03"],
      [2147483647, "feffffff0f"],
      [-2147483648, "ffffffff0f"],
    ];
    for (const [value, hex] of cases) {
      const writer = new ByteWriter();
      writer.zigzag(value);
      expect(written(writer)).toBe(hex);
    }
  });

  it("writes bytes, ranges and text with and without their length", () => {
    const writer = new ByteWriter();
    const source = Buffer.from("0123456789");
    writer.bytes(source.subarray(0, 2));
    writer.range(source, 3, 5);
    writer.utf8("é");
    writer.lenBytes(source.subarray(8));
    writer.lenUtf8("é");
    expect(written(writer)).toBe("3031" + "3334" + "c3a9" + "023839" + "02c3a9");
  });

  it.each([
    [0, 61],
    [0, 100],
    [61, 61],
    [5, 4],
    [-1, 3],
    [NaN, 3],
    [3, NaN],
  ])("refuses the range [%d, %d) of 60 bytes, and writes nothing", (start, end) => {
    const writer = new ByteWriter(256);
    writer.u32(7);
    expect(() => writer.range(Buffer.alloc(60), start, end)).toThrow(RangeError);
    expect(writer.pos).toBe(4);
  });

  it("copies ranges of every length around the change to native code", () => {
    const source = Buffer.from(Array.from({ length: 100 }, (_, at) => at));
    const writer = new ByteWriter();
    for (let length = 0; length < 90; length++) {
      writer.reset();
      writer.range(source, 5, 5 + length);
      expect(written(writer)).toBe(source.subarray(5, 5 + length).toString("hex"));
    }
  });

  it("gives a text one byte of length up to 127 bytes and two from 128 on", () => {
    for (const [text, prefix] of [
      ["x".repeat(127), "7f"],
      ["x".repeat(128), "8001"],
      ["日".repeat(42), "7e"],
      ["日".repeat(43), "8101"],
      ["", "00"],
    ] as const) {
      const writer = new ByteWriter();
      writer.lenUtf8(text);
      expect(written(writer)).toBe(prefix + Buffer.from(text).toString("hex"));
    }
  });

  it("keeps what was written when it grows", () => {
    const writer = new ByteWriter(1);
    let expected = "";
    for (let round = 0; round < 200; round++) {
      writer.u8(round);
      writer.varint(round * 1000);
      writer.lenUtf8("é".repeat(round % 50));
      const other = new ByteWriter(4096);
      other.u8(round);
      other.varint(round * 1000);
      other.lenUtf8("é".repeat(round % 50));
      expected += written(other);
    }
    expect(written(writer)).toBe(expected);
  });

  it("starts again at the beginning after reset, in the same buffer", () => {
    const writer = new ByteWriter();
    writer.u32(1);
    const buf = writer.buf;
    writer.reset();
    writer.u8(7);
    expect(writer.buf).toBe(buf);
    expect(written(writer)).toBe("07");
  });

  it("has room for raw bytes after ensure", () => {
    const writer = new ByteWriter(2);
    writer.ensure(1000);
    expect(writer.buf.length - writer.pos).toBeGreaterThanOrEqual(1000);
  });

  it("fills a fixed buffer to the last byte, whatever the field", () => {
    const fills: [number, (writer: ByteWriter) => void][] = [
      [1, (writer) => writer.u8(1)],
      [2, (writer) => writer.u16(1)],
      [4, (writer) => writer.u32(1)],
      [8, (writer) => writer.u64(1)],
      [2, (writer) => writer.varint(300)],
      [8, (writer) => writer.varint(Number.MAX_SAFE_INTEGER)],
      [1, (writer) => writer.zigzag(-64)],
      [8, (writer) => writer.zigzag(Number.MIN_SAFE_INTEGER)],
      [3, (writer) => writer.utf8("abc")],
      [4, (writer) => writer.lenUtf8("abc")],
      [4, (writer) => writer.lenBytes(Buffer.from("abc"))],
      [50, (writer) => writer.range(Buffer.alloc(60), 5, 55)],
      [3, (writer) => writer.bytes(Buffer.from("abc"))],
    ];
    for (const [byteCount, fill] of fills) {
      const exact = new ByteWriter(byteCount, byteCount);
      fill(exact);
      expect(exact.pos).toBe(byteCount);
      const tooSmall = new ByteWriter(byteCount - 1, byteCount - 1);
      expect(codeOf(() => fill(tooSmall))).toBe("DT_CODEC_WRITER_FULL");
      expect(tooSmall.pos).toBe(0);
    }
  });

  it("grows to its limit and not beyond", () => {
    const writer = new ByteWriter(3, 10);
    for (let count = 0; count < 10; count++) {
      writer.u8(count);
    }
    expect(writer.buf.length).toBe(10);
    expect(codeOf(() => writer.u8(10))).toBe("DT_CODEC_WRITER_FULL");
    expect(writer.pos).toBe(10);
  });

  it("refuses values without an encoding and stays where it was", () => {
    const writer = new ByteWriter();
    writer.u8(1);
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(codeOf(() => writer.u64(value))).toBe("DT_CODEC_UINT64_RANGE");
      expect(codeOf(() => writer.varint(value))).toBe("DT_CODEC_UINT64_RANGE");
    }
    for (const value of [0.5, 2 ** 53, -(2 ** 53), Number.NaN]) {
      expect(codeOf(() => writer.zigzag(value))).toBe("DT_CODEC_UINT64_RANGE");
    }
    for (const text of ["\ud800", `${"x".repeat(100)}\ud800`]) {
      expect(codeOf(() => writer.utf8(text))).toBe("DT_CODEC_UTF8");
      expect(codeOf(() => writer.lenUtf8(text))).toBe("DT_CODEC_UTF8");
    }
    expect(writer.pos).toBe(1);
  });
});
