import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Refusal } from "../refusal.ts";
import {
  checkKey,
  childOnPath,
  isBelow,
  keyStart,
  keyText,
  MAX_KEY_BYTES,
  parentKey,
  readKey,
  toByteKey,
} from "./byte-key.ts";

function check(bytes: Buffer): Refusal | 0 {
  // In the middle of other bytes, as a key lies in a request.
  const buf = Buffer.concat([Buffer.from("//\xff"), bytes, Buffer.from("/\xff/")]);
  const end = 4 + bytes.length;
  return checkKey(buf, keyStart(buf, 4, end), end);
}

const CASES: readonly (readonly [name: string, key: string | Buffer, outcome: Refusal | 0])[] = [
  ["the root", "", 0],
  ["only a slash, which is the root", "/", 0],
  ["one name", "a", 0],
  ["a path", "a/b/c", 0],
  ["a leading slash", "/a/b", 0],
  ["spaces, dots and control characters", "a b/./../\u0000\n", 0],
  ["two, three and four bytes per character", "ä/漢/🙂", 0],
  ["U+FFFD, which is a character like others", "\ufffd", 0],
  ["the longest key", "k".repeat(MAX_KEY_BYTES), 0],
  ["the longest key behind a leading slash", `/${"k".repeat(MAX_KEY_BYTES)}`, 0],
  ["one byte too many", "k".repeat(MAX_KEY_BYTES + 1), Refusal.keyTooLong],
  ["few characters, too many bytes", "漢".repeat(MAX_KEY_BYTES / 2), Refusal.keyTooLong],
  ["two leading slashes", "//a", Refusal.keyEmptySegment],
  ["two slashes", "//", Refusal.keyEmptySegment],
  ["an empty segment inside", "a//b", Refusal.keyEmptySegment],
  ["a slash at the end", "a/", Refusal.keyEmptySegment],
  ["a slash at the end of a path", "/a/b/", Refusal.keyEmptySegment],
  ["a lone continuation byte", Buffer.from([0x61, 0x80]), Refusal.keyNotUtf8],
  ["a sequence that is cut", Buffer.from([0xe6, 0xbc]), Refusal.keyNotUtf8],
  ["an overlong slash", Buffer.from([0xc0, 0xaf]), Refusal.keyNotUtf8],
  ["a surrogate", Buffer.from([0xed, 0xa0, 0x80]), Refusal.keyNotUtf8],
];

describe("a key in a request", () => {
  it.each(CASES)("is judged: %s", (_name, key, outcome) => {
    expect(check(Buffer.from(key))).toBe(outcome);
  });

  it("is accepted exactly when it is well-formed and has no empty segment", () => {
    const bytes = fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array));
    const texts = fc.string({ unit: fc.constantFrom("a", "/", "ä", "🙂"), maxLength: 8 });
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          texts.map((text) => Buffer.from(text)),
        ),
        (key) => {
          const text = key.toString("utf8").replace(/^\//, "");
          const isUtf8 = Buffer.from(key.toString("utf8")).equals(key);
          const isGood = isUtf8 && (text === "" || text.split("/").every((name) => name !== ""));
          expect(check(key) === 0).toBe(isGood);
        },
      ),
    );
  });
});

describe("a byte key", () => {
  it("is the same with and without a leading slash, and gives the text back", () => {
    expect(toByteKey("/ä/漢")).toBe(toByteKey("ä/漢"));
    expect(keyText(toByteKey("/ä/漢/🙂"))).toBe("ä/漢/🙂");
  });

  it("does not confuse a character with its bytes", () => {
    expect(toByteKey("ä")).not.toBe(toByteKey("Ã¤"));
    expect(readKey(Buffer.from("ä"), 0, 2)).toBe(toByteKey("ä"));
  });

  it("sorts by bytes, also where UTF-16 sorts otherwise", () => {
    const texts = ["🙂", "\uf000"];
    expect(texts.toSorted()).toEqual(["🙂", "\uf000"]);
    expect(texts.map(toByteKey).toSorted().map(keyText)).toEqual(["\uf000", "🙂"]);
  });

  it("knows its parent", () => {
    expect(parentKey(toByteKey("a/b/c"))).toBe("a/b");
    expect(parentKey(toByteKey("a"))).toBe("");
    expect(parentKey(toByteKey(""))).toBe("");
  });

  it("knows what lies below it, and the way there", () => {
    const [a, ab, abc] = [toByteKey("a"), toByteKey("a/b"), toByteKey("a/b/c")];
    expect(isBelow(abc, a)).toBe(true);
    expect(isBelow(ab, a)).toBe(true);
    expect(isBelow(a, a)).toBe(false);
    expect(isBelow(toByteKey("ab"), a)).toBe(false);
    expect(isBelow(a, toByteKey(""))).toBe(true);
    expect(isBelow(toByteKey(""), toByteKey(""))).toBe(false);
    expect(childOnPath(a, abc)).toBe(ab);
    expect(childOnPath(ab, abc)).toBe(abc);
    expect(childOnPath(toByteKey(""), abc)).toBe(a);
  });
});
