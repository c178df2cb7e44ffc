import type { EntryBatch } from "../entry/entry-batch.ts";
import type { AdminAnswer } from "./config-request.ts";
import type { IoId } from "./input.ts";
import type { LogBase } from "./log-state.ts";
import type { Configuration } from "./membership.ts";
import type { Message, NodeId, SnapshotChunk, SnapshotReply } from "./message.ts";

export const Role = { follower: 0, preCandidate: 1, candidate: 2, leader: 3 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** What a node must remember across a crash before it acts on it. */
export interface HardState {
  readonly term: number;
  /** The candidate that got this node's vote in `term`; 0 = none. */
  readonly vote: NodeId;
  /** A lower bound of the commit index, kept as a hint: it never has to be synced. */
  readonly commitIndex: number;
}

/** One change of the disk. Durable in this order: hard state, reset, truncation, entries. */
export interface Write {
  readonly io: IoId;
  /** Present when term or vote changed since the last write. */
  readonly hardState: HardState | null;
  /** Every entry is dropped and the log continues after this one: a snapshot took their place. */
  readonly reset: LogBase | null;
  /** Entries at and above this index are dropped before `batches` are added; 0 = none. */
  readonly truncateFrom: number;
  /** Consecutive; empty when only the hard state changes. */
  readonly batches: readonly EntryBatch[];
}

/** A read that may be served as soon as everything up to `index` is applied. */
export interface ReadGrant {
  readonly token: number;
  readonly index: number;
}

export const DropReason = {
  /** This node does not lead. Certain: the entries never appear. */
  notLeader: 1,
  /** The leader stepped down before the read was confirmed. */
  leadershipLost: 2,
  /** The batch does not follow the log's last entry. Certain: the entries never appear. */
  outOfOrder: 3,
  /** The leader hands over and takes nothing more. Certain: the entries never appear. */
  transferring: 4,
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

export interface ProposeDrop {
  readonly batch: EntryBatch;
  readonly reason: DropReason;
}

export interface ReadDrop {
  readonly token: number;
  readonly reason: DropReason;
}

/** Entries that a lagging follower needs and that memory no longer holds. */
export interface LogReadRequest {
  readonly to: NodeId;
  readonly firstIndex: number;
  /** Last index that is worth reading. */
  readonly lastIndex: number;
  readonly maxBytes: number;
}

export interface RoleChange {
  readonly role: Role;
  readonly term: number;
  /** 0 = not known. */
  readonly leaderId: NodeId;
}

/** What a snapshot stands for: the log continues after it. */
export interface SnapshotBase extends LogBase {
  /** CONFIG payload active at `index`, and the index of its entry; empty and 0 for that of the start. */
  readonly membership: Buffer;
  readonly membershipIndex: number;
}

/** What snapshots need from the host, in the order of the fields. */
export interface SnapshotWork {
  /**
   * The state machine is to be restored from the snapshot received last, once the write of this
   * output is durable; then it is reported as applied. Until then nothing is applied.
   */
  install: SnapshotBase | null;
  /** Followers that need a snapshot. Ended by `snapshotSent`, or by the loss of leadership. */
  readonly sends: NodeId[];
  /** Parts of snapshots from the leader, to be taken and answered. */
  readonly chunks: SnapshotChunk[];
  /** What followers say to the parts that were sent to them. */
  readonly replies: SnapshotReply[];
}

/** Everything that must happen because of the steps since the last `take`. */
export interface Output {
  /** May leave at once, in this order. What had to wait for a write is held back by the core. */
  readonly messages: readonly Message[];
  readonly write: Write | null;
  readonly readGrants: readonly ReadGrant[];
  readonly readDrops: readonly ReadDrop[];
  readonly proposeDrops: readonly ProposeDrop[];
  readonly logReads: readonly LogReadRequest[];
  /** Null nearly always. */
  readonly snapshots: Readonly<SnapshotWork> | null;
  /** Answers to `changeConfig`, `transfer` and `campaign`. */
  readonly answers: readonly AdminAnswer[];
  /** The last of the changes of role, term or leader, or null. */
  readonly roleChange: RoleChange | null;
  /** Set when leadership was lost in between, also when it was won again before `take`. */
  readonly leadershipLost: boolean;
  /** The configuration that is active now, when another one was at the last `take`; else null. */
  readonly configuration: Configuration | null;
  /** Commit index after the last step. The host applies up to it, see `RaftCore.tailBatches`. */
  readonly commitIndex: number;
}
