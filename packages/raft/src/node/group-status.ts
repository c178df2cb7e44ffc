import type { Configuration } from "../core/membership.ts";
import type { NodeId } from "../core/message.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { RaftError } from "../errors.ts";

export type RoleName = "follower" | "preCandidate" | "candidate" | "leader";

/** One group as this node sees it at one moment. */
export interface GroupStatus {
  readonly groupId: number;
  readonly nodeId: NodeId;
  readonly role: RoleName;
  readonly term: number;
  /** 0 = not known. */
  readonly leaderId: NodeId;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** Last index that is synced on this node's disk. */
  readonly durableIndex: number;
  readonly pendingProposals: number;
  /** The members as this node's log has them; not decided as long as `index` is above the commit index. */
  readonly configuration: Configuration;
  /** On the leader: up to where the others have its log durably. */
  readonly progress: readonly { readonly nodeId: NodeId; readonly matchIndex: number }[];
  /** A voter has told this node that it is no member any more. */
  readonly isRemoved: boolean;
  /** Code of the error that stopped the group; empty while it runs. */
  readonly stoppedCode: string;
}

export function roleName(role: Role): RoleName {
  switch (role) {
    case Role.follower:
      return "follower";
    case Role.preCandidate:
      return "preCandidate";
    case Role.candidate:
      return "candidate";
    case Role.leader:
      return "leader";
  }
}

export function describeStatus(
  groupId: number,
  core: RaftCore,
  appliedIndex: number,
  pendingProposals: number,
  stopped: RaftError | null,
): GroupStatus {
  return {
    groupId,
    nodeId: core.id,
    role: roleName(core.role),
    term: core.term,
    leaderId: core.leaderId,
    commitIndex: core.commitIndex,
    appliedIndex,
    lastIndex: core.lastIndex,
    durableIndex: core.durableIndex,
    pendingProposals,
    configuration: core.configuration,
    progress: core.progress().map(({ id, matchIndex }) => ({ nodeId: id, matchIndex })),
    isRemoved: core.isRemoved,
    stoppedCode: stopped?.code ?? "",
  };
}
