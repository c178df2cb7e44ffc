import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { MAX_VARINT_BYTES, varintLength, writeVarint } from "./varint.ts";

describe("a varint", () => {
  it("has the bytes that protobuf's documentation shows", () => {
    const buf = Buffer.alloc(MAX_VARINT_BYTES);
    expect(buf.subarray(0, writeVarint(buf, 0, 150)).toString("hex")).toBe("9601");
    expect(buf.subarray(0, writeVarint(buf, 0, 1)).toString("hex")).toBe("01");
  });

  it("takes the announced number of bytes at each power of two", () => {
    const buf = Buffer.alloc(MAX_VARINT_BYTES);
    for (let bits = 0; bits <= 53; bits++) {
      for (const value of [2 ** bits - 1, Math.min(2 ** bits, Number.MAX_SAFE_INTEGER)]) {
        expect(writeVarint(buf, 0, value)).toBe(varintLength(value));
        expect(varintLength(value)).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)));
      }
    }
  });

  it.each([-1, 1.5, 2 ** 53, Number.NaN])("has no length for %d", (value) => {
    expect(codeOf(() => varintLength(value))).toBe("DT_CODEC_UINT64_RANGE");
  });
});
