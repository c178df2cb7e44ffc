import {
  type GroupOptions,
  type ResolvedGroupOptions,
  resolveGroupOptions,
} from "../../node/group-options.ts";
import type { SimRandom } from "../sim/sim-random.ts";

/** Options of all members of a run; those of snapshots have draws of their own, and default where there are none. */
export function drawGroupOptions(
  random: SimRandom,
  snapshotRandom: SimRandom | null,
  electionMs: number,
): ResolvedGroupOptions {
  const heartbeatMs = Math.floor(electionMs / random.pick([4, 10]));
  const maxAppendBytes = random.pick([100, 2000, 1 << 20]);
  return resolveGroupOptions({
    electionTimeoutMinMs: electionMs,
    electionTimeoutMaxMs: electionMs * 2,
    heartbeatMs,
    tickMs: Math.floor(heartbeatMs / 4),
    maxAppendBytes,
    windowAppends: random.pick([2, 4, 256]),
    windowBytes: Math.max(maxAppendBytes, 4000),
    tailBytes: random.pick([1, 1000, 1 << 20]),
    maxPendingProposals: random.pick([10, 1000]),
    maxPendingReads: random.pick([5, 1000]),
    preVote: random.chance(0.85),
    ...(snapshotRandom === null ? {} : drawSnapshotOptions(snapshotRandom, electionMs)),
  });
}

function drawSnapshotOptions(random: SimRandom, electionMs: number): GroupOptions {
  return {
    snapshotEveryEntries: random.pick([3, 10, 40]),
    snapshotTailEntries: random.pick([0, 0, 5, 50]),
    snapshotKeep: random.pick([1, 2, 3]),
    snapshotChunkBytes: random.pick([10, 40, 1000]),
    snapshotWindowChunks: random.pick([1, 3]),
    snapshotTimeoutMs: random.pick([electionMs / 4, electionMs]),
  };
}
