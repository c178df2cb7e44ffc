import { expect, test } from "vitest";
import { conflictHint, nextAfterRefusal } from "./conflict-hint.ts";
import { TermRuns } from "./term-runs.ts";

function runsOf(terms: readonly number[]): TermRuns {
  const runs = new TermRuns(1, 0, []);
  for (const [at, term] of terms.entries()) {
    runs.append(term, at + 1);
  }
  return runs;
}

/** The last index on which the logs agree, looked for entry by entry. */
function lastAgreement(leader: readonly number[], follower: readonly number[]): number {
  let index = 0;
  while (index < leader.length && leader[index] === follower[index]) {
    index++;
  }
  return index;
}

/** Probes until the follower accepts; returns where that was and how many were refused. */
function search(leader: readonly number[], follower: readonly number[]): [number, number] {
  const leaderRuns = runsOf(leader);
  const followerRuns = runsOf(follower);
  let prev = leader.length;
  let refusals = 0;
  while (followerRuns.termAt(prev) !== leaderRuns.termAt(prev)) {
    refusals++;
    const hint = conflictHint(followerRuns, prev, leaderRuns.termAt(prev), 0);
    const hintTerm = followerRuns.termAt(hint);
    const next = nextAfterRefusal(leaderRuns, prev, hint, hintTerm, 0);
    expect(next - 1).toBeLessThan(prev);
    prev = next - 1;
  }
  return [prev, refusals];
}

function distinctTermsAbove(index: number, ...logs: readonly (readonly number[])[]): number {
  return new Set(logs.flatMap((log) => log.slice(index))).size;
}

const FIGURE_7_LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const FIGURE_7_FOLLOWERS: Record<string, number[]> = {
  "one entry short": [1, 1, 1, 4, 4, 5, 5, 6, 6],
  "six entries short": [1, 1, 1, 4],
  "one entry over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  "two entries of a later term over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  "short with two entries of its own": [1, 1, 1, 4, 4, 4, 4],
  "two terms of its own": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
};

for (const [name, follower] of Object.entries(FIGURE_7_FOLLOWERS)) {
  test(`paper figure 7: a follower ${name}`, () => {
    const [agreed, refusals] = search(FIGURE_7_LEADER, follower);
    expect(agreed).toBe(Math.min(lastAgreement(FIGURE_7_LEADER, follower)));
    expect(refusals).toBeLessThanOrEqual(2);
  });
}

test("finds the last agreement of any two logs with at most a refusal per differing term", () => {
  let state = 1;
  function random(limit: number): number {
    state = (state * 48271) % 0x7fffffff;
    return state % limit;
  }
  for (let round = 0; round < 5000; round++) {
    // Logs that raft can make: equal up to a point, after it no (index, term) in common.
    const common = ascending(random(6), 1, random);
    const leader = [...common, ...ascending(random(12), (common.at(-1) ?? 0) + 1, random, 0)];
    const follower = [...common, ...ascending(random(12), (common.at(-1) ?? 0) + 1, random, 1)];
    const agreement = lastAgreement(leader, follower);
    const [agreed, refusals] = search(leader, follower);
    expect(agreed).toBe(agreement);
    expect(refusals).toBeLessThanOrEqual(distinctTermsAbove(agreement, leader, follower) + 1);
  }
});

/** Terms from `from` upwards; with `parity`, only odd or only even ones. */
function ascending(
  length: number,
  from: number,
  random: (limit: number) => number,
  parity: 0 | 1 | null = null,
): number[] {
  const terms: number[] = [];
  let term = from;
  for (let i = 0; i < length; i++) {
    term += random(3) === 0 ? random(4) : 0;
    if (parity !== null && term % 2 !== parity) {
      term++;
    }
    terms.push(term);
  }
  return terms;
}

test("the hint is never below what is committed", () => {
  expect(conflictHint(runsOf([1, 1, 5, 5]), 4, 2, 0)).toBe(2);
  expect(conflictHint(runsOf([1, 1, 5, 5]), 4, 2, 3)).toBe(3);
});

test("the leader never goes back below what matched, nor stays where it was refused", () => {
  const runs = runsOf([1, 1, 1, 1, 1, 1]);
  expect(nextAfterRefusal(runs, 6, 2, 1, 4)).toBe(5);
  expect(nextAfterRefusal(runs, 4, 9, 1, 0)).toBe(4);
});
