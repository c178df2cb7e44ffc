import type { RaftCore } from "../core/raft-core.ts";
import { type LeaderHint, RaftError } from "../errors.ts";

/** Why a group refuses: it does not lead, or runs no more. */
export class GroupStanding {
  readonly #core: RaftCore;
  /** What everybody gets who asks this node for what only the leader does. */
  notLeader: RaftError;
  /** Set when the group stops or has failed; every later call gets it. */
  stopped: RaftError | null = null;

  constructor(core: RaftCore) {
    this.#core = core;
    this.notLeader = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: null });
  }

  /** The leader as this node knows it, or null. */
  leader(): LeaderHint | null {
    const { leaderId, configuration } = this.#core;
    return configuration.members.find((member) => member.nodeId === leaderId) ?? null;
  }

  /** Another one leads, or it or its address is known only now. */
  onLeaderChange(): void {
    this.notLeader = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: this.leader() });
  }
}
