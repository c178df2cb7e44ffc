import { expect, test } from "vitest";
import { kthLargest, quorumSize } from "./quorum.ts";

test("a quorum is more than half", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(quorumSize)).toEqual([1, 2, 2, 3, 3, 4, 4]);
});

test("the k-th largest is what at least k members have reached", () => {
  let state = 1;
  for (let round = 0; round < 2000; round++) {
    const values: number[] = [];
    for (let i = 0; i <= round % 9; i++) {
      state = (state * 48271) % 0x7fffffff;
      values.push(state % 7);
    }
    const k = (round % values.length) + 1;
    const sorted = values.toSorted((a, b) => b - a);
    expect(kthLargest([...values, 99], values.length, k)).toBe(sorted[k - 1]);
  }
});
