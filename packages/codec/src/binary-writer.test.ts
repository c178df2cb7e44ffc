import protobuf from "protobufjs/minimal.js";
import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { BinaryWriter } from "./binary-writer.ts";
import { ByteWriter } from "./byte-writer.ts";

function hex(write: (writer: BinaryWriter) => unknown): string {
  const writer = new BinaryWriter();
  write(writer);
  return Buffer.from(writer.finish()).toString("hex");
}

describe("BinaryWriter", () => {
  it("writes numbers as protobuf's documentation shows them", () => {
    expect(hex((writer) => writer.uint32(150))).toBe("9601");
    expect(hex((writer) => writer.int32(-2))).toBe("feffffffffffffffff01");
    expect(hex((writer) => writer.int64(-2))).toBe("feffffffffffffffff01");
    expect(hex((writer) => writer.sint32(-2))).toBe("03");
    expect(hex((writer) => writer.sint64(-2))).toBe("03");
    expect(hex((writer) => writer.sint64(Number.MAX_SAFE_INTEGER))).toBe("feffffffffffff1f");
    expect(hex((writer) => writer.sint64(Number.MIN_SAFE_INTEGER))).toBe("fdffffffffffff1f");
    expect(hex((writer) => writer.fixed64(2 ** 32 + 5))).toBe("0500000001000000");
    expect(hex((writer) => writer.sfixed64(-1))).toBe("ffffffffffffffff");
    expect(hex((writer) => writer.uint64(Number.MAX_SAFE_INTEGER))).toBe("ffffffffffffff0f");
  });

  it("takes the keys of maps as text, as generated code passes them", () => {
    expect(hex((writer) => writer.uint64("300").int64("-1").sint64("-1"))).toBe(
      "ac02" + "ffffffffffffffffff01" + "01",
    );
    expect(hex((writer) => writer.uint32("7").int32("-1").sint32("-1"))).toBe(
      "07" + "ffffffffffffffffff01" + "01",
    );
    expect(hex((writer) => writer.fixed32("7").sfixed32("-1"))).toBe("07000000" + "ffffffff");
    expect(hex((writer) => writer.fixed64("7").sfixed64("-1"))).toBe(
      "0700000000000000" + "ffffffffffffffff",
    );
  });

  it("refuses integers that their field cannot hold, instead of cutting them", () => {
    for (const value of [-1, 2 ** 32, 0.5, Number.NaN, "x"]) {
      expect(codeOf(() => hex((writer) => writer.uint32(value)))).toBe("DT_CODEC_INT32_RANGE");
      expect(codeOf(() => hex((writer) => writer.fixed32(value)))).toBe("DT_CODEC_INT32_RANGE");
    }
    for (const value of [-(2 ** 31) - 1, 2 ** 31, 0.5, Number.NaN, "x"]) {
      expect(codeOf(() => hex((writer) => writer.int32(value)))).toBe("DT_CODEC_INT32_RANGE");
      expect(codeOf(() => hex((writer) => writer.sint32(value)))).toBe("DT_CODEC_INT32_RANGE");
      expect(codeOf(() => hex((writer) => writer.sfixed32(value)))).toBe("DT_CODEC_INT32_RANGE");
    }
    for (const value of [-1, 2 ** 53, 0.5, Number.NaN, "x"]) {
      expect(codeOf(() => hex((writer) => writer.uint64(value)))).toBe("DT_CODEC_UINT64_RANGE");
      expect(codeOf(() => hex((writer) => writer.fixed64(value)))).toBe("DT_CODEC_UINT64_RANGE");
    }
    for (const value of [-(2 ** 53), 2 ** 53, 0.5, Number.NaN, "x"]) {
      expect(codeOf(() => hex((writer) => writer.int64(value)))).toBe("DT_CODEC_UINT64_RANGE");
      expect(codeOf(() => hex((writer) => writer.sint64(value)))).toBe("DT_CODEC_UINT64_RANGE");
      expect(codeOf(() => hex((writer) => writer.sfixed64(value)))).toBe("DT_CODEC_UINT64_RANGE");
    }
  });

  it("writes text of every length around the second byte of the length", () => {
    for (let length = 0; length < 200; length++) {
      for (const char of ["x", "日"]) {
        const text = char.repeat(length);
        const bytes = Buffer.from(text);
        const expected = Buffer.from(protobuf.Writer.create().bytes(bytes).finish());
        expect(hex((writer) => writer.string(text))).toBe(expected.toString("hex"));
      }
    }
    expect(codeOf(() => hex((writer) => writer.string("\ud800")))).toBe("DT_CODEC_UTF8");
  });

  it("lets each kind of write grow the writer that it is attached to", () => {
    // Each write meets a full buffer, so one that does not ask for room first would lose bytes.
    const writes: ((writer: BinaryWriter) => BinaryWriter)[] = [
      (writer) => writer.uint32(2 ** 31),
      (writer) => writer.int32(-5),
      (writer) => writer.sint32(-5),
      (writer) => writer.uint64(2 ** 40),
      (writer) => writer.int64(-5),
      (writer) => writer.sint64(-(2 ** 40)),
      (writer) => writer.fixed32(5),
      (writer) => writer.sfixed32(-5),
      (writer) => writer.fixed64(2 ** 40),
      (writer) => writer.sfixed64(-5),
      (writer) => writer.float(0.5),
      (writer) => writer.double(0.1),
      (writer) => writer.bool(true),
      (writer) => writer.string("short"),
      (writer) => writer.string("a text that needs two bytes for its length: ".repeat(4)),
      (writer) => writer.bytes(Buffer.from("bytes")),
      (writer) => writer.fork().uint32(1).join(),
      (writer) => writer.fork().bytes(Buffer.alloc(200, 1)).join(),
    ];
    for (const write of writes) {
      const target = new ByteWriter(1);
      target.u8(0xee);
      const first = target.buf;
      const writer = new BinaryWriter();
      writer.attach(target);
      write(writer);
      target.pos = writer.pos;
      expect(target.buf).not.toBe(first);
      expect(writer.buf).toBe(target.buf);
      expect(target.buf.toString("hex", 0, target.pos)).toBe(`ee${hex(write)}`);
    }
  });

  it("forgets forks that were left open when it is detached", () => {
    const target = new ByteWriter();
    const writer = new BinaryWriter();
    writer.attach(target);
    writer.fork().fork();
    writer.detach();
    expect(writer.states).toEqual([]);
    writer.attach(target);
    writer.fork().uint32(7).join();
    expect(target.buf.toString("hex", 0, writer.pos)).toBe("0107");
  });
});
