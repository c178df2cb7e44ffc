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
  timeoutNow: 9,
  readIndex: 10,
  readIndexReply: 11,
  snapshotChunk: 12,
  snapshotReply: 13,
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
  /** The leader itself asked for this election: it is no rival of that one. */
  readonly isSuccessor: boolean;
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
  /** Refused: index of a committed configuration that the candidate is no member of; else 0. */
  readonly removedAtIndex: number;
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
  /** Above what the follower holds when that is behind: tells it how old its state is, and commits nothing. */
  readonly leaderCommitIndex: number;
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

/**
 * A part of a snapshot, with everything about the whole in it, so that each stands for itself. One
 * without bytes at offset 0 offers the snapshot; the answer tells where to begin.
 */
export interface SnapshotChunk {
  readonly kind: typeof MessageKind.snapshotChunk;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  /** Equal ids are equal bytes, whoever sends them. */
  readonly id: string;
  /** The last entry that the snapshot stands for, with its term, chain and time. */
  readonly index: number;
  readonly indexTerm: number;
  readonly chain: number;
  readonly timestampMs: number;
  /** CONFIG payload active at `index`, and its entry; empty and 0 for the configuration of the start. */
  readonly membership: Buffer;
  readonly membershipIndex: number;
  /** Bytes of the whole. */
  readonly byteLength: number;
  /** Where `bytes` begin. */
  readonly offset: number;
  /** Checked on its way by a crc of its own. */
  readonly bytes: Buffer;
}

export const SnapshotStatus = {
  /** Everything before `offset` is here. */
  taken: 1,
  /** The chunk does not follow: go on from `offset`. */
  rewind: 2,
  /** Not now: other snapshots are on their way. Try again later. */
  busy: 3,
  /** Not taken: an old term, or the whole fails its checks. */
  refused: 4,
  /** This node holds everything up to `index`. */
  installed: 5,
  /** In answer to nothing: this node has lost its state and needs a snapshot. */
  wanted: 6,
} as const;
export type SnapshotStatus = (typeof SnapshotStatus)[keyof typeof SnapshotStatus];

export interface SnapshotReply {
  readonly kind: typeof MessageKind.snapshotReply;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly status: SnapshotStatus;
  readonly id: string;
  readonly offset: number;
  /** Commit index of the sender; with `wanted`, the least index that its log continues. */
  readonly index: number;
}

/** The leader of `term` tells its successor to campaign at once. */
export interface TimeoutNow {
  readonly kind: typeof MessageKind.timeoutNow;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
}

/** Asks the leader of `term` up to where the sender must apply before it serves a read. */
export interface ReadIndex {
  readonly kind: typeof MessageKind.readIndex;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  /** Names this run of the sender: a restarted one counts its tokens from the start again. */
  readonly run: number;
  /** The sender's; ascends. */
  readonly token: number;
}

export interface ReadIndexReply {
  readonly kind: typeof MessageKind.readIndexReply;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly run: number;
  readonly token: number;
  /** -1 = not confirmed: the sender does not lead in `term`. */
  readonly index: number;
}

export type Message =
  | VoteRequest
  | VoteReply
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | SnapshotChunk
  | SnapshotReply
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply;
