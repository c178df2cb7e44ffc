import type { EntryBatch } from "../entry/entry-batch.ts";

/** A member of the cluster: 1 to 2^32-1. 0 stands for "nobody". */
export type NodeId = number;

export const MessageKind = {
  preVote: 1,
  preVoteReply: 2,
  vote: 3,
  voteReply: 4,
  append: 5,
  appendReply: 6,
  heartbeat: 7,
  heartbeatReply: 8,
} as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

/** Asks for a vote in `term` (a pre-vote: in a term that the sender has not entered yet). */
export interface VoteRequest {
  readonly kind: typeof MessageKind.preVote | typeof MessageKind.vote;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The term voted in: a pre-vote carries the sender's term + 1. */
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/**
 * Answers a vote request. A granted pre-vote carries the request's term, a refused one the voter's
 * own, so that a candidate that is behind learns it.
 */
export interface VoteReply {
  readonly kind: typeof MessageKind.preVoteReply | typeof MessageKind.voteReply;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly granted: boolean;
}

/** Entries after (prevIndex, prevTerm); empty `batches` is a probe. */
export interface Append {
  readonly kind: typeof MessageKind.append;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly prevIndex: number;
  readonly prevTerm: number;
  /** Consecutive from `prevIndex + 1`, terms ascending. */
  readonly batches: readonly EntryBatch[];
  /** Commit index of the leader; the follower caps it at the last entry this message verifies. */
  readonly commitIndex: number;
  /** Leader's monotonic clock when the message was made, echoed by the reply: feeds the lease. */
  readonly sentAtMs: number;
  /** Newest read token when the message was made, echoed by the reply: confirms reads. */
  readonly readToken: number;
}

export interface AppendReply {
  readonly kind: typeof MessageKind.appendReply;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly accepted: boolean;
  /**
   * Accepted: the last index that this message verified, durable on the sender.
   * Refused: the `prevIndex` that did not match.
   */
  readonly index: number;
  /** Refused: where the follower suggests to look next, see `conflictHint`; else 0. */
  readonly hintIndex: number;
  /** Refused: the follower's term at `hintIndex`; else 0. */
  readonly hintTerm: number;
  readonly sentAtMs: number;
  readonly readToken: number;
}

export interface Heartbeat {
  readonly kind: typeof MessageKind.heartbeat;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  /** min(leader's commit index, what the leader knows the follower to match). */
  readonly commitIndex: number;
  readonly sentAtMs: number;
  readonly readToken: number;
}

export interface HeartbeatReply {
  readonly kind: typeof MessageKind.heartbeatReply;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly sentAtMs: number;
  readonly readToken: number;
}

export type Message = VoteRequest | VoteReply | Append | AppendReply | Heartbeat | HeartbeatReply;
