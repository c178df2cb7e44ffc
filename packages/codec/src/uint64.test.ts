import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { joinInt64, joinSint64, joinUint64, readUint64, writeUint64 } from "./uint64.ts";

const MAX = Number.MAX_SAFE_INTEGER;

describe("a u64 in eight bytes", () => {
  it.each([0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, MAX])(
    "holds %d exactly",
    (value) => {
      const buf = Buffer.alloc(10, 0xee);
      writeUint64(buf, 1, value);
      expect(buf.readBigUInt64BE(1)).toBe(BigInt(value));
      expect(readUint64(buf, 1)).toBe(value);
      expect([buf[0], buf[9]]).toEqual([0xee, 0xee]);
    },
  );

  it.each([-1, 0.5, -0.25, 2 ** 53, 2 ** 64, Number.NaN, Infinity, -Infinity, MAX + 1])(
    "refuses to write %d and writes nothing",
    (value) => {
      const buf = Buffer.alloc(8, 0xee);
      expect(codeOf(() => writeUint64(buf, 0, value))).toBe("DT_CODEC_UINT64_RANGE");
      expect(buf).toEqual(Buffer.alloc(8, 0xee));
    },
  );

  it.each([2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])("refuses to read %d", (value) => {
    const buf = Buffer.alloc(8);
    buf.writeBigUInt64BE(value);
    expect(() => readUint64(buf, 0)).toThrow(String(value));
    expect(codeOf(() => readUint64(buf, 0))).toBe("DT_CODEC_UINT64_RANGE");
  });
});

describe("a number from two halves", () => {
  const halves = (bits: bigint): [number, number] => {
    const unsigned = BigInt.asUintN(64, bits);
    return [Number(unsigned >> 32n), Number(unsigned & 0xffff_ffffn)];
  };

  it("is unsigned, two's complement or zigzag as the field has it", () => {
    for (const value of [0, 1, 2 ** 31, 2 ** 32, 2 ** 40 + 3, MAX]) {
      expect(joinUint64(...halves(BigInt(value)))).toBe(value);
      expect(joinInt64(...halves(BigInt(value)))).toBe(value);
      expect(joinInt64(...halves(-BigInt(value)))).toBe(0 - value);
      expect(joinSint64(...halves(BigInt(value) * 2n))).toBe(value);
      if (value > 0) {
        expect(joinSint64(...halves(BigInt(value) * 2n - 1n))).toBe(-value);
      }
    }
  });

  it("is refused where a number is not exact", () => {
    const beyond = BigInt(MAX) + 1n;
    for (const action of [
      () => joinUint64(...halves(beyond)),
      () => joinUint64(...halves(-1n)),
      () => joinInt64(...halves(beyond)),
      () => joinInt64(...halves(-beyond)),
      () => joinInt64(...halves(-(2n ** 63n))),
      () => joinSint64(...halves(beyond * 2n)),
      () => joinSint64(...halves(beyond * 2n - 1n)),
      () => joinSint64(...halves(-1n)),
    ]) {
      expect(codeOf(action)).toBe("DT_CODEC_UINT64_RANGE");
    }
  });
});
