import type { HistoricalBug } from "./historical-bugs.ts";
import { PatchedCopy } from "./patched-copy.ts";

/** The seed whose run showed a bug. */
export interface Finding {
  readonly seed: number;
  /** Seeds tried up to that one. */
  readonly tried: number;
  /** The rule that was broken and how. */
  readonly problem: string;
}

/** A search with every fault, or with one fault in every run. */
export type SearchKind = "random" | "guided";

/** Runs seeds in order until one fails; null when none of them does. */
export async function searchFor(
  bug: HistoricalBug,
  kind: SearchKind,
  from = 1,
  count = bug.budget,
): Promise<Finding | null> {
  const copy = new PatchedCopy(bug.patches);
  try {
    const { isRejection, runMix, runRandom, SimGroups } = await copy.load();
    const focus = kind === "guided" ? bug.focus : null;
    for (let seed = from; seed < from + count; seed++) {
      try {
        if (bug.runs === "core") {
          runRandom(seed, { focus });
        } else if (bug.runs === "mix") {
          await runMix(seed);
        } else {
          await new SimGroups(seed, { snapshots: bug.runs === "snapshots" }).play();
        }
      } catch (error) {
        if (!isRejection(error)) {
          const text = error instanceof Error ? error.message : String(error);
          return { seed, tried: seed - from + 1, problem: text.split("\n", 1)[0] ?? "" };
        }
      }
    }
    return null;
  } finally {
    copy.remove();
  }
}
