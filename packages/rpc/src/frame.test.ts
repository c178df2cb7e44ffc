import { describe, expect, test } from "vitest";
import { FLAG_EXTENSION, FLAG_GROUP, remainingMicros, writeHeader } from "./frame.ts";
import { ONE_WAY_BYTE, REQUEST_BYTE, RESPONSE_BYTE } from "./frame.ts";

function header(
  kindByte: number,
  flags: number,
  command: number,
  seq: number,
  word: number,
  groupId: number,
  bodyBytes: number,
): string {
  const headerBytes = (flags & FLAG_GROUP) === 0 ? 16 : 20;
  const buf = Buffer.alloc(3 + headerBytes + bodyBytes);
  writeHeader(buf, 3, buf.length, kindByte, flags, command, seq, word, groupId);
  expect(buf.subarray(0, 3)).toEqual(Buffer.alloc(3));
  return buf.subarray(3, 3 + headerBytes).toString("hex");
}

describe("writeHeader", () => {
  test("lays out a request without a group", () => {
    expect(header(REQUEST_BYTE, 0, 0x0102, 0x03040506, 0x0708090a, 0, 5)).toBe(
      "00000011" + "11" + "00" + "0102" + "03040506" + "0708090a",
    );
  });

  test("lays out a request with a group", () => {
    expect(header(REQUEST_BYTE, FLAG_GROUP, 16, 1, 1_000_000, 0xfffefdfc, 0)).toBe(
      "00000010" + "11" + "01" + "0010" + "00000001" + "000f4240" + "fffefdfc",
    );
  });

  test("lays out a response and the flag of its extension", () => {
    expect(header(RESPONSE_BYTE, FLAG_EXTENSION, 0xffff, 0x7fffffff, 9, 0, 100)).toBe(
      "00000070" + "12" + "02" + "ffff" + "7fffffff" + "00000009",
    );
  });

  test("lays out a one-way of a group with an extension", () => {
    expect(header(ONE_WAY_BYTE, FLAG_GROUP | FLAG_EXTENSION, 300, 0, 0, 7, 2)).toBe(
      "00000012" + "13" + "03" + "012c" + "00000000" + "00000000" + "00000007",
    );
  });
});

describe("remainingMicros", () => {
  test("is 0 for no deadline only", () => {
    expect(remainingMicros(0)).toBe(0);
    expect(remainingMicros(0.000_000_1)).toBe(1);
  });

  test("counts microseconds", () => {
    expect(remainingMicros(5000)).toBe(5_000_000);
    expect(remainingMicros(1.5)).toBe(1500);
  });

  test("stays within 32 bits", () => {
    expect(remainingMicros(4_294_967.295)).toBe(0xffff_ffff);
    expect(remainingMicros(86_400_000)).toBe(0xffff_ffff);
    expect(remainingMicros(Infinity)).toBe(0xffff_ffff);
  });
});
