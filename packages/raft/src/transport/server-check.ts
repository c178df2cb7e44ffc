import { RaftError } from "../errors.ts";
import type { ResolvedGroupOptions } from "../node/group-options.ts";

const MAX_GROUP_ID = 0xffff_ffff;
/** Headers of a frame and of the message in it, a session's prefix and a snapshot's members, with room to spare. */
const FRAME_OVERHEAD_BYTES = 4096;

/** Throws DT_RAFT_OPTIONS with what is wrong with the limits of a host's snapshots. */
export function checkSnapshotLimits(limits: {
  readonly maxSnapshotSends?: number;
  readonly maxSnapshotReceives?: number;
}): void {
  const { maxSnapshotSends = 1, maxSnapshotReceives = 1 } = limits;
  const problems = Object.entries({ maxSnapshotSends, maxSnapshotReceives })
    .filter(([, count]) => !Number.isSafeInteger(count) || count < 1)
    .map(([name, count]) => `${name}: ${count} is not a positive integer`);
  throwAny(problems);
}

/** Throws DT_RAFT_OPTIONS with everything for which a server cannot take part in a group. */
export function checkGroup(
  groupId: number,
  options: ResolvedGroupOptions,
  isTaken: boolean,
  maxFrameBytes: number,
): void {
  const problems: string[] = [];
  if (!Number.isInteger(groupId) || groupId < 1 || groupId > MAX_GROUP_ID) {
    problems.push(`groupId: ${groupId} is not within 1..2^32-1`);
  }
  if (isTaken) {
    problems.push(`groupId: ${groupId} is the id of another group`);
  }
  // What does not fit is never heard of by the others, and holds up all that comes behind it.
  for (const name of ["maxEntryBytes", "maxAppendBytes", "snapshotChunkBytes"] as const) {
    if (options[name] + FRAME_OVERHEAD_BYTES > maxFrameBytes) {
      const room = `${options[name]} and ${FRAME_OVERHEAD_BYTES} for headers`;
      problems.push(`${name}: ${room} are over maxFrameBytes (${maxFrameBytes})`);
    }
  }
  throwAny(problems);
}

function throwAny(problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new RaftError({ code: "DT_RAFT_OPTIONS", problems });
  }
}
