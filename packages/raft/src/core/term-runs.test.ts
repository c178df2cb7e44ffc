import { expect, test } from "vitest";
import { TermRuns } from "./term-runs.ts";

function runsOf(...terms: number[]): TermRuns {
  const runs = new TermRuns(1, 0, []);
  for (const [at, term] of terms.entries()) {
    runs.append(term, at + 1);
  }
  return runs;
}

function termsOf(runs: TermRuns): number[] {
  return Array.from({ length: runs.lastIndex }, (_, i) => runs.termAt(i + 1));
}

test("knows the term of every entry, and of none outside", () => {
  const runs = runsOf(1, 1, 4, 4, 4, 6);
  expect(termsOf(runs)).toEqual([1, 1, 4, 4, 4, 6]);
  expect(runs.firsts).toEqual([1, 3, 6]);
  expect(runs.termAt(0)).toBe(0);
  expect(runs.termAt(7)).toBe(-1);
});

test("a log without its head knows the entry before its first and nothing below", () => {
  const runs = new TermRuns(
    11,
    20,
    [
      { firstIndex: 11, term: 3 },
      { firstIndex: 15, term: 5 },
    ],
    2,
  );
  expect(runs.termAt(9)).toBe(-1);
  expect(runs.termAt(0)).toBe(-1);
  expect(runs.termAt(10)).toBe(2);
  expect(runs.termAt(11)).toBe(3);
  expect(runs.termAt(15)).toBe(5);
  expect(runs.lastIndexOfTermAtMost(20, 2)).toBe(10);
  expect(runs.lastIndexOfTermAtMost(5, 9)).toBe(10);
});

test("truncation keeps what is below, and other terms may follow", () => {
  const runs = runsOf(1, 1, 4, 4, 4, 6);
  runs.truncate(4);
  expect(termsOf(runs)).toEqual([1, 1, 4]);
  runs.truncate(3);
  runs.append(7, 5);
  expect(termsOf(runs)).toEqual([1, 1, 7, 7, 7]);
  runs.truncate(1);
  expect(termsOf(runs)).toEqual([]);
  runs.assertInvariants();
});

test("refuses a term that goes down", () => {
  expect(() => runsOf(3, 2)).toThrow("terms in the log never go down");
});

test("finds the end of a run", () => {
  const runs = runsOf(1, 1, 4, 4, 4, 6);
  expect([1, 2, 3, 5, 6].map((index) => runs.runEnd(index))).toEqual([2, 2, 5, 5, 6]);
});

test("finds the last entry of a term at most the given one", () => {
  const terms = [1, 1, 4, 4, 4, 6, 6, 9];
  const runs = runsOf(...terms);
  for (let index = 0; index <= 10; index++) {
    for (let term = 0; term <= 10; term++) {
      let expected = Math.min(index, terms.length);
      while (expected > 0 && terms[expected - 1]! > term) {
        expected--;
      }
      expect(runs.lastIndexOfTermAtMost(index, term)).toBe(expected);
    }
  }
});

test("a copy is equal and independent", () => {
  const runs = runsOf(1, 1, 4);
  const copy = runs.clone();
  copy.append(5, 9);
  copy.truncate(2);
  expect(termsOf(copy)).toEqual([1]);
  expect(termsOf(runs)).toEqual([1, 1, 4]);
});

test("refuses runs that do not cover the log", () => {
  expect(() => new TermRuns(1, 5, [])).toThrow("without runs is empty");
  expect(() => new TermRuns(1, 5, [{ firstIndex: 2, term: 1 }])).toThrow(
    "start where the log starts",
  );
  expect(
    () =>
      new TermRuns(1, 1, [
        { firstIndex: 1, term: 1 },
        { firstIndex: 2, term: 2 },
      ]),
  ).toThrow("no run is empty");
});
