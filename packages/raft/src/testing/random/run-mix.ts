import { SimFailure } from "../sim/sim-failure.ts";
import { SimGroups } from "../group/sim-groups.ts";

/** What one mixed run did. */
export interface MixReport {
  readonly seed: number;
  readonly focus: "mix";
  readonly traceHash: string;
  /** Events; each may step several cores. */
  readonly steps: number;
  readonly memberChanges: number;
  readonly transfers: number;
  /** States that came from snapshots, at starts and from leaders. */
  readonly restores: number;
  readonly crashes: number;
  readonly diskFailures: number;
  /** Calls of sessions that were proposed more than once. */
  readonly repeated: number;
  /** Answers to them that came from the memory of an earlier try. */
  readonly remembered: number;
  /** Calls whose session was forgotten. */
  readonly expired: number;
}

/**
 * Whole groups, with snapshots and logs cut behind them, changes of members and of leaders, and clients that repeat
 * their writes in sessions, under crashes, stalls, cuts and failing disks. Ends as `runRandom` does: everything is
 * served again, members are equal, histories have a linear order. Rejects a run without a change, a restored
 * snapshot, a repeated call, and one that was remembered or forgotten.
 */
export async function runMix(
  seed: number,
  onLine: ((line: string) => void) | null = null,
): Promise<MixReport> {
  const groups = new SimGroups(seed, { snapshots: true, members: true, sessions: true });
  groups.onLine = onLine;
  try {
    await groups.play();
  } catch (error) {
    const rule = error instanceof SimFailure ? error.rule : "group";
    const detail = error instanceof SimFailure ? error.detail : String(error);
    throw new SimFailure(rule, `${detail}\n${groups.tail()}`, { cause: error });
  }
  const { memberChanges, transfers, restores, crashes, diskFailures, sessions, steps, traceHash } =
    groups;
  const counts = { memberChanges, transfers, restores, crashes, diskFailures, ...sessions };
  return { seed, focus: "mix", traceHash, steps, ...counts };
}
