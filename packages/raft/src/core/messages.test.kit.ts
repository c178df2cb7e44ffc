import {
  type Append,
  type AppendReply,
  type Heartbeat,
  type HeartbeatReply,
  MessageKind,
  type NodeId,
  type VoteReply,
  type VoteRequest,
} from "./message.ts";

type Fields<M> = Partial<Omit<M, "kind">>;

/** All messages go to node 1 and come from node 2 unless said. */
const ENDS = { from: 2, to: 1 } as const satisfies { from: NodeId; to: NodeId };

export function preVote(term: number, lastIndex: number, lastTerm: number, from = 2): VoteRequest {
  return { kind: MessageKind.preVote, from, to: 1, term, lastIndex, lastTerm, isSuccessor: false };
}

export function vote(term: number, lastIndex: number, lastTerm: number, from = 2): VoteRequest {
  return { kind: MessageKind.vote, from, to: 1, term, lastIndex, lastTerm, isSuccessor: false };
}

export function preVoteReply(term: number, granted: boolean, from = 2): VoteReply {
  return { kind: MessageKind.preVoteReply, from, to: 1, term, granted, removedAtIndex: 0 };
}

export function voteReply(term: number, granted: boolean, from = 2): VoteReply {
  return { kind: MessageKind.voteReply, from, to: 1, term, granted, removedAtIndex: 0 };
}

export function append(fields: Fields<Append>): Append {
  return {
    kind: MessageKind.append,
    ...ENDS,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    batches: [],
    commitIndex: 0,
    sentAtMs: 0,
    readToken: 0,
    ...fields,
  };
}

export function accepted(term: number, index: number, fields?: Fields<AppendReply>): AppendReply {
  return appendReply({ term, accepted: true, index, ...fields });
}

export function refused(
  term: number,
  index: number,
  hintIndex: number,
  hintTerm: number,
  from = 2,
): AppendReply {
  return appendReply({ term, accepted: false, index, hintIndex, hintTerm, from });
}

function appendReply(fields: Fields<AppendReply>): AppendReply {
  return {
    kind: MessageKind.appendReply,
    ...ENDS,
    term: 1,
    accepted: true,
    index: 0,
    hintIndex: 0,
    hintTerm: 0,
    sentAtMs: 0,
    readToken: 0,
    ...fields,
  };
}

export function heartbeat(term: number, fields?: Fields<Heartbeat>): Heartbeat {
  return {
    kind: MessageKind.heartbeat,
    ...ENDS,
    term,
    commitIndex: 0,
    leaderCommitIndex: fields?.commitIndex ?? 0,
    sentAtMs: 0,
    readToken: 0,
    ...fields,
  };
}

export function heartbeatReply(term: number, fields?: Fields<HeartbeatReply>): HeartbeatReply {
  return { kind: MessageKind.heartbeatReply, ...ENDS, term, sentAtMs: 0, readToken: 0, ...fields };
}
