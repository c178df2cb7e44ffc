import { expect, test } from "vitest";
import { drainTime } from "./drain-time.ts";

test("no time to drain is more than a timer can wait, and NaN is none", () => {
  expect([-1, 0, 1.5, 2 ** 31, Infinity].map(drainTime)).toEqual([
    -1,
    0,
    1.5,
    2 ** 31 - 1,
    2 ** 31 - 1,
  ]);
  expect(() => drainTime(NaN)).toThrow(RangeError);
});
