import { expect, test } from "vitest";
import { SearchTally } from "./search-tally.ts";

const CLEAN = { done: 100, byFocus: { loss: 100 }, steps: 700, failures: [], rejected: [] };
const FAILED = [{ seed: 7, problem: "I3: two leaders" }];

function rejected(count: number): { seed: number; problem: string }[] {
  return Array.from({ length: count }, (_, i) => ({ seed: i, problem: "rejected: without it" }));
}

test("a search fails by one seed that broke a rule, and names the command that replays it", () => {
  const tally = new SearchTally();
  tally.add(CLEAN);
  expect(tally.hasFailed).toBe(false);
  tally.add({ ...CLEAN, failures: FAILED });
  expect(tally.hasFailed).toBe(true);
  const text = tally.text(1, "loss", 2000);
  expect(text).toMatch(/^loss +200$/mu);
  expect(text).toContain(
    "200 seeds from 1, 1400 checked steps, 2.0 s, 100.0 seeds/s, 1 failed, 0 rejected\n",
  );
  expect(text).toContain("seed 7: I3: two leaders\n  dt sim --seed 7 --focus loss --trace 7.trace");
});

test("runs without their fault are counted and named, and fail a search only when they are many", () => {
  const tally = new SearchTally();
  tally.add({ ...CLEAN, rejected: rejected(2) });
  expect(tally.hasFailed).toBe(false);
  expect(tally.text(1, null, 1000)).toContain("0 failed, 2 rejected\nseed 0: rejected: without it");
  tally.add({ ...CLEAN, done: 0, rejected: rejected(1) });
  expect(tally.hasFailed).toBe(true);
});
