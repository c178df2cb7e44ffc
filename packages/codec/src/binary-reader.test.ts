import protobuf from "protobufjs/minimal.js";
import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { BinaryReader, EMPTY } from "./binary-reader.ts";

// Ours and the two of protobufjs.
const PAST_THE_END = /truncated|index out of range|invalid/;

function over(hex: string): BinaryReader {
  const buf = Buffer.from(`ee${hex}ee`, "hex");
  const reader = new BinaryReader(EMPTY);
  reader.attach(buf, 1, buf.length - 1);
  return reader;
}

describe("BinaryReader", () => {
  it("is a reader of protobufjs, with the members its code relies on", () => {
    const reader = over("7f");
    expect(reader).toBeInstanceOf(protobuf.Reader);
    expect([reader.len, reader.view, reader.size()]).toEqual([2, null, 0x7f]);
  });

  it("reads 64-bit fields as numbers", () => {
    expect(over("ac02").uint64()).toBe(300);
    expect(over("8080808010").uint64()).toBe(2 ** 32);
    expect(over("ffffffffffffff0f").uint64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(over("feffffffffffffffff01").int64()).toBe(-2);
    expect(over("81808080808080f0ff01").int64()).toBe(Number.MIN_SAFE_INTEGER);
    expect(over("fdffffffffffff1f").sint64()).toBe(Number.MIN_SAFE_INTEGER);
    expect(over("0500000001000000").fixed64()).toBe(2 ** 32 + 5);
    expect(over("feffffffffffffff").sfixed64()).toBe(-2);
  });

  it("refuses 64-bit fields that a number cannot hold", () => {
    expect(codeOf(() => over("8080808080808010").uint64())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("ffffffffffffffffff01").uint64())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("80808080808080808001").int64())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("ffffffffffffffffff01").sint64())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("0000000000002000").fixed64())).toBe("DT_CODEC_UINT64_RANGE");
    expect(codeOf(() => over("0000000000000080").sfixed64())).toBe("DT_CODEC_UINT64_RANGE");
  });

  it("refuses varints without an end, at the end of the input and after ten bytes", () => {
    for (const input of [
      "",
      "80",
      "ff".repeat(9),
      "ff".repeat(10),
      "ff".repeat(20),
      "80".repeat(10) + "01",
    ]) {
      expect(codeOf(() => over(input).uint64())).toBe("DT_CODEC_MESSAGE");
      expect(codeOf(() => over(input).skip(0))).toBe("DT_CODEC_MESSAGE");
      if (input.length <= 20) {
        expect(() => over(input).uint32()).toThrow(PAST_THE_END);
      }
    }
  });

  it("does not read behind its range", () => {
    const reads: [string, (reader: BinaryReader) => unknown][] = [
      ["000000", (reader) => reader.fixed32()],
      ["00".repeat(7), (reader) => reader.fixed64()],
      ["0161".slice(0, 2), (reader) => reader.string()],
      ["0161".slice(0, 2), (reader) => reader.bytes()],
      ["ffffffff0f", (reader) => reader.string()],
      ["ffffffff0f", (reader) => reader.bytes()],
      ["ffffffff0f", (reader) => reader.skip(2)],
      ["00".repeat(7), (reader) => reader.skip(1)],
      ["000000", (reader) => reader.skip(5)],
      ["000000", (reader) => reader.float()],
      ["00".repeat(7), (reader) => reader.double()],
    ];
    for (const [input, read] of reads) {
      expect(() => read(over(input))).toThrow(PAST_THE_END);
    }
  });

  it("skips values of unknown fields, groups excepted", () => {
    for (const [wireType, value] of [
      [0, "ff01"],
      [1, "00".repeat(8)],
      [2, "03616263"],
      [5, "00".repeat(4)],
    ] as const) {
      const reader = over(value);
      reader.skip(wireType);
      expect(reader.pos).toBe(reader.len);
    }
    for (const wireType of [3, 4, 6, 7]) {
      expect(codeOf(() => over("00").skip(wireType))).toBe("DT_CODEC_MESSAGE");
    }
  });

  it("refuses text that is no UTF-8", () => {
    expect(over("02c3a9").string()).toBe("é");
    expect(codeOf(() => over("01ff").string())).toBe("DT_CODEC_UTF8");
  });

  it("confines reading to a nested message from when the depth goes up", () => {
    const reader = over("03" + "0a0161" + "07");
    reader.__tsProtoDecodeDepth = 1;
    reader.uint32();
    reader.__tsProtoDecodeDepth = 2;
    expect([reader.pos, reader.len]).toEqual([2, 5]);
    reader.uint32();
    expect(reader.string()).toBe("a");
    expect(() => reader.uint32()).toThrow(PAST_THE_END);
    reader.__tsProtoDecodeDepth = 1;
    expect([reader.len, reader.isTorn, reader.uint32()]).toEqual([6, false, 7]);
    reader.__tsProtoDecodeDepth = 0;
    expect(reader.isTorn).toBe(false);
  });

  it("refuses a nested message that is longer than the one around it, before reading it", () => {
    const reader = over("04" + "0a0161");
    reader.__tsProtoDecodeDepth = 1;
    reader.uint32();
    expect(codeOf(() => (reader.__tsProtoDecodeDepth = 2))).toBe("DT_CODEC_MESSAGE");
    expect([reader.len, reader.__tsProtoDecodeDepth]).toEqual([5, 1]);
  });

  it("notices a nested message that is left before its end, and forgets it when attached", () => {
    const reader = over("03" + "000000");
    reader.__tsProtoDecodeDepth = 1;
    reader.uint32();
    reader.__tsProtoDecodeDepth = 2;
    reader.__tsProtoDecodeDepth = 1;
    expect(reader.isTorn).toBe(true);
    reader.attach(reader.buf, 0, 2);
    expect([reader.isTorn, reader.len, reader.__tsProtoDecodeDepth]).toEqual([false, 2, 0]);
  });
});
