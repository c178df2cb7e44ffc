import type { RaftAdmin } from "@dt/raft";

type Status = Awaited<ReturnType<RaftAdmin["status"]>>;

/** What a member is; while a change is under way, what it is now and what it will be. */
export interface MemberRow {
  readonly nodeId: number;
  readonly address: string;
  readonly role: "voter" | "observer" | "none";
  /** Other than `role` only in the middle of a change. */
  readonly nextRole: "voter" | "observer" | "none";
  readonly isLeader: boolean;
  /** Up to where it has the leader's log durably; null when the leader does not know. */
  readonly matchIndex: number | null;
}

export interface MemberView {
  readonly members: readonly MemberRow[];
  /** Where in the log the members begin. */
  readonly index: number;
  /** A change is under way. */
  readonly isJoint: boolean;
  readonly leaderId: number;
  readonly lastIndex: number;
}

/** What the leader's status says about the members. */
export function describeMembers(status: Status): MemberView {
  const { leaderId, lastIndex, progress } = status;
  const members = status.configuration?.members ?? [];
  const { voters = [], observers = [] } = status.configuration ?? {};
  const { nextVoters = [], nextObservers = [] } = status.configuration ?? {};
  const isJoint = nextVoters.length > 0;
  return {
    index: status.configurationIndex,
    isJoint,
    leaderId,
    lastIndex,
    members: members.map(({ nodeId, host, port }) => {
      const role = roleIn(nodeId, voters, observers);
      const known = progress.find((each) => each.nodeId === nodeId)?.matchIndex ?? null;
      return {
        nodeId,
        address: `${host}:${port}`,
        role,
        nextRole: isJoint ? roleIn(nodeId, nextVoters, nextObservers) : role,
        isLeader: nodeId === leaderId,
        matchIndex: nodeId === leaderId ? lastIndex : known,
      };
    }),
  };
}

function roleIn(
  nodeId: number,
  voters: readonly number[],
  observers: readonly number[],
): MemberRow["role"] {
  if (voters.includes(nodeId)) {
    return "voter";
  }
  return observers.includes(nodeId) ? "observer" : "none";
}
