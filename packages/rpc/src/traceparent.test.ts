import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isSampled,
  parseTraceparent,
  readTraceparent,
  spanIdOf,
  traceIdOf,
} from "./traceparent.ts";

const EXAMPLE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function read(text: string): string | null {
  const bytes = Buffer.from(`xx${text}yy`, "latin1");
  return readTraceparent(bytes, 2, 2 + text.length);
}

describe("a traceparent", () => {
  test("of the standard's example is read", () => {
    expect(read(EXAMPLE)).toBe(EXAMPLE);
    expect(parseTraceparent(EXAMPLE)).toBe(EXAMPLE);
    expect(traceIdOf(EXAMPLE)).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
    expect(spanIdOf(EXAMPLE)).toBe("00f067aa0ba902b7");
    expect(isSampled(EXAMPLE)).toBe(true);
    expect(isSampled(EXAMPLE.replace(/01$/, "fe"))).toBe(false);
  });

  test.each([
    ["empty", ""],
    ["short", EXAMPLE.slice(0, 54)],
    ["longer than version 00 is", `${EXAMPLE}-aa`],
    ["of the forbidden version ff", EXAMPLE.replace(/^00/, "ff")],
    ["of a version that is no number", EXAMPLE.replace(/^00/, "0g")],
    ["of upper-case digits", EXAMPLE.toUpperCase()],
    ["without a trace id", EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0".repeat(32))],
    ["without a span id", EXAMPLE.replace("00f067aa0ba902b7", "0".repeat(16))],
    ["of other separators", EXAMPLE.replaceAll("-", "_")],
    ["of flags that are no number", EXAMPLE.replace(/01$/, "0x")],
    ["of a later version with no separator after the flags", `${EXAMPLE.replace(/^00/, "01")}xx`],
  ])("that is %s is none", (_what, text) => {
    expect(read(text)).toBeNull();
  });

  test("of a later version is cut to what version 00 has", () => {
    expect(read(EXAMPLE.replace(/^00/, "cc"))).toBe(EXAMPLE);
    expect(read(`${EXAMPLE.replace(/^00/, "cc")}-what-the-future-will-be-like`)).toBe(EXAMPLE);
  });

  test("is never made of garbage, and garbage never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = readTraceparent(bytes, 0, bytes.length);
        return text === null || parseTraceparent(text) === text;
      }),
    );
  });
});
