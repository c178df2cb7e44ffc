import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

function pauses(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next());
}

test("pauses double up to the maximum", () => {
  const longest = new Backoff(50, 1000, () => 1 - Number.EPSILON);
  expect(pauses(longest, 7).map(Math.round)).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
});

test("the random part is half of the pause", () => {
  const shortest = new Backoff(50, 1000, () => 0);
  expect(pauses(shortest, 7)).toEqual([25, 50, 100, 200, 400, 500, 500]);
});

test("a reset starts over", () => {
  const backoff = new Backoff(50, 1000, () => 0);
  pauses(backoff, 5);
  backoff.reset();
  expect(backoff.next()).toBe(25);
});
