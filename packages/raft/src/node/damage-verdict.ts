import { type ConfigPayload, decodeConfigPayload } from "../entry/config-payload.ts";
import type { NodeId } from "../core/message.ts";
import type { DamagedRange, LogState } from "../log/raft-log.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { FetchResult } from "./entry-fetch.ts";
import type { Member } from "./group-config.ts";

/** What a node with a damaged log knows of itself. */
export interface DamagedNode {
  readonly nodeId: NodeId;
  /** Members that the group was started with. */
  readonly start: readonly Member[];
  readonly state: LogState;
  /** Its own, newest first. */
  readonly snapshots: readonly SnapshotMeta[];
}

type Voters = Pick<ConfigPayload, "voters" | "nextVoters">;

/**
 * Whether nothing from a damaged range on can be committed, so that it may be dropped: all other members are sure
 * that they have nothing of it, and those that decide about it are among them. What is committed has a majority of the
 * voters, in a joint configuration one of each half; the one that is active before the range decides about its first
 * entry, and so about all behind it. That entry may be the end of a joint configuration, which one half alone commits.
 * A node that is a majority by itself, of a half too, or does not know who votes, cannot tell.
 */
export function isUndecided(
  { firstIndex }: DamagedRange,
  results: ReadonlyMap<NodeId, FetchResult>,
  node: DamagedNode,
): boolean {
  const { nodeId, state, snapshots } = node;
  const isCommitted =
    state.hardState.commitIndex >= firstIndex || snapshots.some(({ index }) => index >= firstIndex);
  const active = votersBefore(firstIndex, node);
  if (isCommitted || active === null) {
    return false;
  }
  const halves = [active.voters, active.nextVoters].filter((half) => half.length > 0);
  const isAlone = halves.some((half) => half.length === 1 && half[0] === nodeId);
  const others = halves.flat().filter((id) => id !== nodeId);
  const areAbsent = [...results.values()].every((result) => result === FetchResult.absent);
  return !isAlone && areAbsent && others.every((id) => results.has(id));
}

/** Who votes on the entry at `index`; null when that is not known. */
function votersBefore(index: number, { start, state, snapshots }: DamagedNode): Voters | null {
  const inLog = state.configs.findLast((config) => config.index < index);
  if (inLog !== undefined) {
    return decodeConfigPayload(inLog.payload);
  }
  const [newest] = snapshots;
  if (newest === undefined ? state.firstIndex > 1 : newest.index < state.firstIndex - 1) {
    return null;
  }
  if (newest !== undefined && newest.membershipIndex > 0) {
    return decodeConfigPayload(newest.membership);
  }
  return start.length === 0 ? null : { voters: start.map(({ nodeId }) => nodeId), nextVoters: [] };
}
