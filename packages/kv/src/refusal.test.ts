import { describe, expect, it } from "vitest";
import { isRefusalCode, Refusal, refusalCode, refusalFromWire } from "./refusal.ts";
import { refusalReason } from "./refusal-reason.ts";

describe("a refusal", () => {
  it("has the number it always had", () => {
    expect(Refusal).toEqual({
      keyEmptySegment: -1,
      keyTooLong: -2,
      keyNotUtf8: -3,
      valueTooLarge: -4,
      requestMalformed: -5,
      batchTooLarge: -6,
      unknownCommand: -7,
      isDirectory: -8,
      notDirectory: -9,
      parentIsValue: -10,
      notEmpty: -11,
      isRoot: -12,
      storeFull: -13,
    });
  });

  it("has a code and a reason of its own", () => {
    const all = Object.values(Refusal);
    expect(new Set(all.map(refusalCode)).size).toBe(all.length);
    expect(new Set(all.map(refusalReason)).size).toBe(all.length);
    expect(all.every((refusal) => isRefusalCode(refusalCode(refusal)))).toBe(true);
    expect(isRefusalCode("DT_KV_OPTIONS")).toBe(false);
  });

  it("crosses the wire as its number without the sign", () => {
    for (const refusal of Object.values(Refusal)) {
      expect(refusalFromWire(-refusal)).toBe(refusal);
    }
    expect(() => refusalFromWire(0)).toThrow(RangeError);
    expect(() => refusalFromWire(14)).toThrow(RangeError);
  });
});
