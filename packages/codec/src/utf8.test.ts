import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { isValidUtf8, readUtf8, utf8Length, writeUtf8 } from "./utf8.ts";

const texts = [
  "",
  "a",
  "key/with/12c",
  "one more than the loop takes",
  "é",
  "short é",
  "a text of some length with é in it",
  "日本語",
  "👍🏽 beyond the basic plane",
  "\u0000\u007f\u0080\u07ff\u0800\uffff",
  "the replacement character itself: \ufffd",
  "\ufeffstarts with a byte order mark",
];

describe("text", () => {
  it.each(texts)("%j is written and read as UTF-8", (text) => {
    const expected = Buffer.from(text, "utf8");
    const buf = Buffer.alloc(expected.length + 4, 0xee);
    expect(utf8Length(text)).toBe(expected.length);
    expect(writeUtf8(buf, 2, text)).toBe(2 + expected.length);
    expect(buf.subarray(2, 2 + expected.length)).toEqual(expected);
    expect(buf.subarray(2 + expected.length)).toEqual(Buffer.from([0xee, 0xee]));
    expect(readUtf8(buf, 2, 2 + expected.length)).toBe(text);
  });

  it.each(["\ud800", "\udc00", "short \ud83d", `long enough for native code ${"\udfff"} and on`])(
    "with a lone surrogate is refused: %j",
    (text) => {
      expect(codeOf(() => writeUtf8(Buffer.alloc(200), 0, text))).toBe("DT_CODEC_UTF8");
    },
  );
});

const illFormed = {
  "a continuation byte alone": [0x80],
  "a sequence cut short": [0x61, 0xe2, 0x82],
  "an overlong slash": [0xc0, 0xaf],
  "a surrogate": [0xed, 0xa0, 0x80],
  "a code point beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  "a byte that never occurs": [0x61, 0xff, 0x61],
  "an error behind a replacement character": [0xef, 0xbf, 0xbd, 0xff],
};

describe("bytes that are no UTF-8", () => {
  it.each(Object.entries(illFormed))("are refused: %s", (_, bytes) => {
    for (let length = 0; length < 30; length++) {
      const padding = "x".repeat(length);
      const buf = Buffer.concat([Buffer.from(padding), Buffer.from(bytes)]);
      expect(codeOf(() => readUtf8(buf, 0, buf.length))).toBe("DT_CODEC_UTF8");
      expect(isValidUtf8(buf, 0, buf.length)).toBe(false);
      expect(readUtf8(buf, 0, padding.length)).toBe(padding);
    }
  });

  it("are told from valid ones at every cut of a text", () => {
    const buf = Buffer.from(texts.join(""));
    for (let end = 0; end <= buf.length; end++) {
      for (const start of [0, Math.max(0, end - 5)]) {
        expect(isValidUtf8(buf, start, end)).toBe(isUtf8(buf.subarray(start, end)));
      }
    }
  });
});
