import { describeDisk, describeWrite, type Disk, logStateOf } from "./explored-disk.test.kit.ts";
import { nameOf } from "./explored-name.test.kit.ts";
import { TEST_OPTIONS } from "./hand-driven.test.kit.ts";
import type { NodeId } from "./message.ts";
import type { Write } from "./output.ts";
import { RaftCore } from "./raft-core.ts";

/**
 * Time stands still in an explored world: every tick of a node that does not lead starts a round,
 * every tick of a leader sends heartbeats, and no voter refuses for the sake of a leader it heard.
 * Whatever timing could do happens in some interleaving.
 */
const OPTIONS = {
  ...TEST_OPTIONS,
  electionTimeoutMinMs: 0,
  electionTimeoutMaxMs: 0,
  heartbeatMs: 0,
  preVote: false,
  checkQuorum: false,
};

export interface ExploredNode {
  readonly core: RaftCore;
  readonly disk: Disk;
  /** Oldest first. */
  readonly pending: readonly Write[];
  /** Stands for all of the above. */
  readonly name: number;
}

export function startCore(id: NodeId, disk: Disk): RaftCore {
  const state = logStateOf(disk);
  const voters = [1, 2, 3];
  return new RaftCore({ id, voters, options: OPTIONS, state, appliedIndex: 0, seed: 1 }, 0);
}

export function nodeOf(core: RaftCore, disk: Disk, pending: readonly Write[]): ExploredNode {
  const parts = [core.digest(), describeDisk(disk), ...pending.map(describeWrite)];
  return { core, disk, pending, name: nameOf(parts.join("|")) };
}
