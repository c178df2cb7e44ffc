import { ByteWriter } from "@dt/codec";
import { describe, expect, test } from "vitest";
import {
  RequestExtension,
  readErrorExtension,
  readRequestExtension,
  skipExtension,
  writeErrorExtension,
  writeRequestExtension,
} from "./extension.ts";

function writeText(writer: ByteWriter, text: string): void {
  writer.utf8(text);
}

function written(code: string, detail: string | null): Buffer {
  const writer = new ByteWriter();
  if (detail === null) {
    writeErrorExtension(writer, code, null, undefined);
  } else {
    writeErrorExtension(writer, code, writeText, detail);
  }
  return writer.buf.subarray(0, writer.pos);
}

function read(block: Buffer): ReturnType<typeof readErrorExtension> {
  return readErrorExtension(block, 0, block.length);
}

describe("an extension block", () => {
  test("has u16 length, then u8 tag, u16 length and value of each field", () => {
    expect(written("AB", null).toString("hex")).toBe("0005" + "01" + "0002" + "4142");
    expect(written("AB", "xyz").toString("hex")).toBe(
      "000b" + "01" + "0002" + "4142" + "02" + "0003" + "78797a",
    );
  });

  test("is read back", () => {
    expect(read(written("DT_X", "detail"))).toEqual({
      code: "DT_X",
      detail: Buffer.from("detail"),
    });
    expect(read(written("DT_X", null))).toEqual({ code: "DT_X", detail: null });
    expect(read(written("DT_X", ""))).toEqual({ code: "DT_X", detail: Buffer.alloc(0) });
  });

  test("skips tags it does not know", () => {
    const block = Buffer.from("000c" + "7f0002ffff" + "01" + "0002" + "4142" + "800000", "hex");
    expect(read(block)).toEqual({ code: "AB", detail: null });
  });

  test("may be empty", () => {
    expect(read(Buffer.from("0000", "hex"))).toEqual({ code: null, detail: null });
  });

  test("is refused by the reader when a field leaves the block", () => {
    expect(read(Buffer.from("0005" + "01" + "0003" + "4142", "hex"))).toBeNull();
    expect(read(Buffer.from("0002" + "0100", "hex"))).toBeNull();
  });

  test("is refused by the writer beyond 64 KiB", () => {
    expect(() => written("AB", "x".repeat(65_536))).toThrow(RangeError);
    expect(() => written("AB", "x".repeat(65_530))).toThrow(RangeError);
    const largest = written("AB", "x".repeat(65_527));
    expect(largest.length).toBe(2 + 65_535);
    expect(read(largest)?.detail?.length).toBe(65_527);
  });

  test("is skipped without a look at its fields", () => {
    const frame = Buffer.from("aa" + "0002" + "ffff" + "0102", "hex");
    expect(skipExtension(frame, 1, 7)).toBe(5);
    expect(skipExtension(frame, 1, 5)).toBe(5);
    expect(skipExtension(frame, 1, 4)).toBe(-1);
    expect(skipExtension(frame, 1, 2)).toBe(-1);
  });
});

describe("the block of a request", () => {
  const stream = { messages: 3, bytes: 4 };

  test.each(["", "short", "0".repeat(54), "0".repeat(56), "\u20ac".repeat(55)])(
    "leaves out what is no traceparent: %j",
    (traceparent) => {
      const writer = new ByteWriter();
      writeRequestExtension(writer, new RequestExtension(traceparent, stream));
      const block = writer.buf.subarray(0, writer.pos);
      expect(skipExtension(block, 0, block.length)).toBe(block.length);
      expect(readRequestExtension(block, 0, block.length)).toEqual(
        new RequestExtension(null, stream),
      );
    },
  );
});
