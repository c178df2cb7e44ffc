import type { TermRuns } from "./term-runs.ts";

/**
 * Search for the last entry on which two logs agree, by whole terms from both sides.
 *
 * The follower, asked for (prevIndex, prevTerm), skips its entries of later terms than prevTerm: the
 * leader has none of those so far down. The leader then skips its entries of later terms than the
 * follower's there. So each answer settles at least one term on which the logs differ.
 */
export function conflictHint(
  runs: TermRuns,
  prevIndex: number,
  prevTerm: number,
  commitIndex: number,
): number {
  // What is committed agrees with every leader to come.
  return Math.max(runs.lastIndexOfTermAtMost(prevIndex, prevTerm), commitIndex);
}

/** Where a leader looks next, after the follower suggested (hintIndex, hintTerm). */
export function nextAfterRefusal(
  runs: TermRuns,
  refusedIndex: number,
  hintIndex: number,
  hintTerm: number,
  matchIndex: number,
): number {
  if (hintIndex < runs.firstIndex - 1) {
    // The logs agree at most up to there, where this one has nothing any more.
    return Math.max(hintIndex, matchIndex) + 1;
  }
  const agreed = runs.lastIndexOfTermAtMost(hintIndex, hintTerm);
  return Math.max(Math.min(agreed + 1, refusedIndex), matchIndex + 1);
}
