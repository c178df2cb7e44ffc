import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkLinearizable, type RegisterOperation } from "./linearizability.ts";

function write(value: number, startMs: number, endMs: number, key = 1): RegisterOperation {
  return { kind: "write", key, value, startMs, endMs };
}

function read(value: number, startMs: number, endMs: number, key = 1): RegisterOperation {
  return { kind: "read", key, value, startMs, endMs };
}

describe("good histories", () => {
  test.each<[string, RegisterOperation[]]>([
    ["nothing", []],
    ["a first read finds the first value", [read(0, 1, 2), write(1, 3, 4), read(1, 5, 6)]],
    ["a read during a write finds the old value", [write(1, 1, 9), read(0, 2, 3)]],
    ["a read during a write finds the new value", [write(1, 1, 9), read(1, 2, 3)]],
    ["writes at the same time in either order", [write(1, 1, 5), write(2, 2, 6), read(1, 7, 8)]],
    ["an unanswered write happened late", [write(1, 1, Infinity), read(0, 5, 6), read(1, 9, 10)]],
    ["an unanswered write never happened", [write(1, 1, 2), write(2, 3, Infinity), read(1, 9, 10)]],
    ["registers do not order each other", [write(1, 1, 2, 1), write(2, 3, 4, 2), read(0, 1, 2, 2)]],
    ["what ends and starts at one instant is at the same time", [write(1, 1, 2), read(0, 2, 3)]],
  ])("%s", (_, history) => {
    expect(checkLinearizable(history)).toBeNull();
  });
});

describe("bad histories", () => {
  test.each<[string, RegisterOperation[], RegExp]>([
    ["a stale read", [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)], /value 2 .* lies inside/],
    ["a read of the first value after a write", [write(1, 1, 2), read(0, 3, 4)], /value 1/],
    ["a read of what nobody wrote", [write(1, 1, 2), read(7, 3, 4)], /found what nobody wrote/],
    ["a read before its write began", [read(1, 1, 2), write(1, 3, 4)], /ended before/],
    [
      "two reads that see two writes in opposite orders",
      [write(1, 1, 9), write(2, 1, 9), read(1, 2, 3), read(2, 4, 5), read(1, 6, 7)],
      /value/,
    ],
    [
      "a value that goes away and comes back",
      [write(1, 1, 2), write(2, 3, Infinity), read(2, 4, 5), read(1, 6, 7)],
      /value/,
    ],
  ])("%s", (_, history, problem) => {
    expect(checkLinearizable(history)).toMatch(problem);
  });
});

test("agrees with a search of all orders", () => {
  const time = fc.integer({ min: 0, max: 12 });
  const operation = fc.record({
    isWrite: fc.boolean(),
    startMs: time,
    spanMs: time,
    pick: fc.nat(),
  });
  let bad = 0;
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 7 }), (drafts) => {
      const writes = drafts.filter(({ isWrite }) => isWrite).length;
      let next = 1;
      const history = drafts.map(({ isWrite, startMs, spanMs, pick }): RegisterOperation => {
        const endMs = isWrite && spanMs === 12 ? Infinity : startMs + spanMs;
        return isWrite
          ? write(next++, startMs, endMs)
          : read(pick % (writes + 1), startMs, startMs + spanMs);
      });
      const isGood = hasOrder(history, 0);
      bad += isGood ? 0 : 1;
      expect(checkLinearizable(history) === null).toBe(isGood);
    }),
    { numRuns: 3000, seed: 1 },
  );
  expect(bad).toBeGreaterThan(300);
});

/** Whether some order of what is left works, found by trying all: Wing and Gong's search. */
function hasOrder(left: readonly RegisterOperation[], value: number): boolean {
  if (left.every(({ endMs }) => endMs === Infinity)) {
    return true;
  }
  const firstEndMs = Math.min(...left.map(({ endMs }) => endMs));
  return left.some((next) => {
    if (next.startMs > firstEndMs || (next.kind === "read" && next.value !== value)) {
      return false;
    }
    return hasOrder(
      left.filter((other) => other !== next),
      next.kind === "write" ? next.value : value,
    );
  });
}
