import type { EntryBatch } from "../entry/entry-batch.ts";
import type { ConfigRequest } from "./config-request.ts";
import type { Message, NodeId } from "./message.ts";
import type { SnapshotBase } from "./output.ts";

export const InputKind = {
  tick: 1,
  message: 2,
  propose: 3,
  read: 4,
  persisted: 5,
  applied: 6,
  logRead: 7,
  unreachable: 8,
  snapshotReceived: 20,
  snapshotSent: 21,
  headDropped: 22,
  changeConfig: 9,
  transfer: 10,
  campaign: 11,
} as const;
export type InputKind = (typeof InputKind)[keyof typeof InputKind];

export type Input =
  /** Time passed. */
  | { readonly kind: typeof InputKind.tick }
  | { readonly kind: typeof InputKind.message; readonly message: Message }
  /**
   * A sealed batch that follows (lastIndex, lastChain) in the current term. Anything else, or a node
   * that does not lead, gets a `ProposeDrop`: the entries are then in no log.
   */
  | { readonly kind: typeof InputKind.propose; readonly batch: EntryBatch }
  /**
   * A linearizable read; `token` is above every earlier one of this node. `mayAskLeader`: a node that
   * does not lead asks who does, instead of dropping the read.
   */
  | {
      readonly kind: typeof InputKind.read;
      readonly token: number;
      readonly mayAskLeader?: boolean;
    }
  /** One step of a change of members; `Output.answers` has the answer. */
  | {
      readonly kind: typeof InputKind.changeConfig;
      readonly token: number;
      readonly request: ConfigRequest;
    }
  /** Makes another voter the leader; 0 = the one that has most of the log. */
  | { readonly kind: typeof InputKind.transfer; readonly token: number; readonly to: NodeId }
  /** Starts an election, as a timeout would. On a leader it does nothing. */
  | { readonly kind: typeof InputKind.campaign; readonly token: number }
  /** The write with this IoId, and so every earlier one, is durable. */
  | { readonly kind: typeof InputKind.persisted; readonly io: IoId }
  /** The state machine holds everything up to `index`. */
  | { readonly kind: typeof InputKind.applied; readonly index: number }
  /** Answers an `Output.logReads` element; `batches` may be empty when the read failed. */
  | {
      readonly kind: typeof InputKind.logRead;
      readonly to: NodeId;
      readonly firstIndex: number;
      readonly batches: readonly EntryBatch[];
    }
  /** A whole snapshot from a leader is durable in the store. */
  | { readonly kind: typeof InputKind.snapshotReceived; readonly base: SnapshotBase }
  /** The transfer of a snapshot to `to` has ended: it holds everything up to `index`; 0 = it failed. */
  | {
      readonly kind: typeof InputKind.snapshotSent;
      readonly to: NodeId;
      readonly index: number;
    }
  /** The log has dropped entries at its head: `firstIndex` is the first one that it still holds. */
  | { readonly kind: typeof InputKind.headDropped; readonly firstIndex: number }
  /** Messages to `peer` were lost: its connection broke or its queue overflowed. */
  | { readonly kind: typeof InputKind.unreachable; readonly peer: NodeId };

/**
 * Names one write: the term in which it was issued and a sequence number that only grows. Acks are
 * released by it, never by (index, term), because a log position can be rewritten and come back.
 */
export interface IoId {
  readonly term: number;
  readonly sequence: number;
}
