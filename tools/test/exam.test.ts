import { describe, expect, test } from "vitest";
import { searchFor } from "../src/exam/exam.ts";
import { HISTORICAL_BUGS } from "../src/exam/historical-bugs.ts";
import { PatchedCopy } from "../src/exam/patched-copy.ts";

/**
 * Seeds tried from the recorded one on: a change of core or simulator gives every seed another
 * run, and the bug has to be found all the same.
 */
const TRIES = 150;

describe("V1 mistakes of other implementations, planted in the built code, are found by seeds", () => {
  test.each(HISTORICAL_BUGS.map((bug) => [bug.id, bug.what, bug] as const))(
    "V1 %s: %s",
    async (_id, _what, bug) => {
      const finding = await searchFor(bug, "guided", bug.seed, TRIES);
      expect(finding).not.toBeNull();
      expect(finding?.problem).not.toMatch(/^rejected/u);
    },
    0,
  );
});

test("V1 a copy without a change finds nothing", async () => {
  const none = { ...HISTORICAL_BUGS[0]!, patches: [] };
  expect(await searchFor(none, "guided", 1, 5)).toBeNull();
});

test("V1 a change that does not fit the code any more is an error", () => {
  const patch = { file: "core/commit.js", find: "no such line", replace: "" };
  expect(() => new PatchedCopy([patch])).toThrow("holds 0 times, not once: no such line");
});
