import { expect, test } from "vitest";
import { saslPrep } from "./sasl-prep.ts";

// The examples of RFC 4013 section 3, and what else has a rule of its own.
test.each([
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["\u0007", null],
  ["\u0627\u0031", null],
  ["\u0627\u0628", "\u0627\u0628"],
  ["\u0627a\u0628", null],
  ["a\u00a0b", "a b"],
  ["", null],
  ["\u00ad", null],
  ["\ue000", null],
  ["\ud800", null],
  ["\ufffd", null],
])("%j becomes %j", (text, expected) => {
  expect(saslPrep(text)).toBe(expected);
});
