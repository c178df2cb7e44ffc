import { crc32 as zlibCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "./crc32.ts";

const data = Buffer.alloc(1500);
for (let at = 0; at < data.length; at++) {
  data[at] = (at * 167 + (at >> 3)) & 255;
}

describe("crc32", () => {
  it("has the check value of the CRC catalogue", () => {
    expect(crc32(Buffer.from("123456789"), 0, 9)).toBe(0xcbf4_3926);
  });

  it("equals zlib's at every length across the change to native code", () => {
    for (let length = 0; length < 700; length++) {
      expect(crc32(data, 3, 3 + length)).toBe(zlibCrc32(data.subarray(3, 3 + length)));
    }
  });

  it("goes on with a sum wherever the data is cut", () => {
    const whole = crc32(data, 0, data.length);
    for (let cut = 0; cut <= data.length; cut += 7) {
      expect(crc32(data, cut, data.length, crc32(data, 0, cut))).toBe(whole);
    }
  });

  it("is an unsigned number for every seed", () => {
    for (const seed of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      for (const length of [0, 1, 8, 36, 400]) {
        const sum = crc32(data, 0, length, seed);
        expect(sum).toBe(zlibCrc32(data.subarray(0, length), seed));
        expect(sum >>> 0).toBe(sum);
      }
    }
  });

  it("leaves the sum as it is for an empty range", () => {
    expect(crc32(data, 5, 5)).toBe(0);
    expect(crc32(data, 5, 5, 0xdead_beef)).toBe(0xdead_beef);
  });
});
