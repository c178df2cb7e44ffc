import type { Member } from "../entry/config-payload.ts";
import type { NodeId } from "./message.ts";

export type { Member } from "../entry/config-payload.ts";

/** Who votes and who only follows. */
export interface MemberLists {
  readonly voters: readonly NodeId[];
  readonly observers: readonly NodeId[];
}

/** The members that a group is to have. */
export interface MemberTarget {
  readonly voters: readonly Member[];
  readonly observers: readonly Member[];
}

/** A step of a change of members. Each may be repeated after a lost answer: what is done stays done. */
export type ConfigRequest =
  | {
      readonly action: "prepare";
      /** What the members are now: guards against a change that somebody else made meanwhile. */
      readonly old: MemberLists;
      readonly next: MemberLists;
      /** Addresses of new members, and of those that have moved. */
      readonly members: readonly Member[];
      /** The leader of the day ends the joint configuration as soon as it is committed. */
      readonly leavesByItself: boolean;
      /** New voters need not have caught up: the group may stand still until they have. */
      readonly isForced: boolean;
    }
  | { readonly action: "commit"; readonly prepareIndex: number }
  | { readonly action: "abort"; readonly prepareIndex: number };

/** Why a request of an administrator was refused. Nothing was appended, nothing has changed. */
export type AdminRefusal =
  | { readonly reason: "notLeader" }
  /** The leader has not committed an entry of its own term yet; it soon will have. */
  | { readonly reason: "notReady" }
  /** Another change is under way: its configuration at `index` is joint or not committed. */
  | { readonly reason: "pending"; readonly index: number }
  | { readonly reason: "transferring"; readonly to: NodeId }
  /** The members are not what the request says they are. */
  | {
      readonly reason: "oldMembers";
      readonly voters: readonly NodeId[];
      readonly observers: readonly NodeId[];
    }
  | { readonly reason: "invalid"; readonly problems: readonly string[] }
  /** These are to vote and do not answer or lag too far behind. */
  | { readonly reason: "behind"; readonly ids: readonly NodeId[] }
  /** No change was prepared at this index; `active` is where the present configuration begins. */
  | { readonly reason: "prepareIndex"; readonly active: number }
  /** The joint configuration is not committed yet; it soon will be. */
  | { readonly reason: "notCommitted"; readonly index: number }
  /** Only another voter can take over. */
  | { readonly reason: "target"; readonly to: NodeId }
  /**
   * This node does not vote, has not applied a configuration that it knows to be committed, or heard
   * a leader whose lease may count on it.
   */
  | { readonly reason: "cannotCampaign" };

/** What became of the request with this token. */
export interface AdminAnswer {
  readonly token: number;
  /** The configuration that the request made, or found made; 0 for other requests and refusals. */
  readonly index: number;
  readonly refusal: AdminRefusal | null;
}
