import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CodecError, type CodecFault } from "./errors.ts";

type Code = CodecFault["code"];

/** One of each: the compiler refuses this table when a code is missing or no longer exists. */
const faults: { readonly [C in Code]: Extract<CodecFault, { code: C }> } = {
  DT_CODEC_TRUNCATED: { code: "DT_CODEC_TRUNCATED", wantedBytes: 4, leftBytes: 3 },
  DT_CODEC_TRAILING_BYTES: { code: "DT_CODEC_TRAILING_BYTES", leftBytes: 3 },
  DT_CODEC_INT32_RANGE: { code: "DT_CODEC_INT32_RANGE", value: -1 },
  DT_CODEC_UINT64_RANGE: { code: "DT_CODEC_UINT64_RANGE", value: "18446744073709551615" },
  DT_CODEC_VARINT: { code: "DT_CODEC_VARINT", offset: 3 },
  DT_CODEC_UTF8: { code: "DT_CODEC_UTF8", offset: 3 },
  DT_CODEC_WRITER_FULL: { code: "DT_CODEC_WRITER_FULL", neededBytes: 9, maxBytes: 8 },
  DT_CODEC_FRAME_TOO_LARGE: { code: "DT_CODEC_FRAME_TOO_LARGE", frameBytes: 9, maxFrameBytes: 8 },
  DT_CODEC_FRAME_TOO_SMALL: { code: "DT_CODEC_FRAME_TOO_SMALL", frameBytes: 7, minFrameBytes: 8 },
  DT_CODEC_MESSAGE: { code: "DT_CODEC_MESSAGE", reason: "truncated", offset: 5 },
  DT_CODEC_MESSAGE_TYPE: { code: "DT_CODEC_MESSAGE_TYPE", type: 7 },
  DT_CODEC_OPTIONS: { code: "DT_CODEC_OPTIONS", owner: "SlabPool", problems: ["a", "b"] },
};

describe("CodecError", () => {
  it("has exactly the codes of the README's table", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const listed = [...readme.matchAll(/^\| `(DT_CODEC_\w+)` \|/gm)].map((match) => match[1]);
    expect(new Set(listed)).toEqual(new Set(Object.keys(faults)));
    expect(listed).toHaveLength(Object.keys(faults).length);
  });

  it("carries the fault and says its facts", () => {
    for (const fault of Object.values(faults)) {
      const cause = new Error("below");
      const error = new CodecError(fault, { cause });
      expect([error.code, error.fault, error.name]).toEqual([fault.code, fault, "CodecError"]);
      expect(error.cause).toBe(cause);
      expect(error.message.startsWith(`${fault.code}: `)).toBe(true);
      for (const [key, fact] of Object.entries(fault)) {
        if (key !== "code") {
          expect(error.message).toContain(Array.isArray(fact) ? fact.join("; ") : String(fact));
        }
      }
    }
  });
});
