import { type ConfigPayload, decodeConfigPayload } from "../entry/config-payload.ts";
import type { NodeId } from "./message.ts";

/**
 * Who takes part in a group. While `nextVoters` is not empty the configuration is joint: commits,
 * votes and read confirmations take a majority of `voters` and one of `nextVoters` (Raft paper,
 * section 6). Observers get the log and never count. Lists hold no id twice.
 */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly observers: readonly NodeId[];
  readonly nextVoters: readonly NodeId[];
  readonly nextObservers: readonly NodeId[];
}

/** A CONFIG entry of a log. */
export interface ConfigEntry {
  readonly index: number;
  readonly term: number;
  /** See `ConfigPayload`. */
  readonly payload: Buffer;
}

/** A configuration and where in the log it begins; index 0 is what the group started with. */
export interface Configuration extends ConfigPayload {
  readonly index: number;
  readonly term: number;
}

/** Throws a `CodecError` when the entry's payload is none. */
export function configurationOf({ index, term, payload }: ConfigEntry): Configuration {
  return { ...decodeConfigPayload(payload), index, term };
}

export function isJoint(membership: Membership): boolean {
  return membership.nextVoters.length > 0;
}

/** Counts for elections and commits, in one half at least. */
export function isVoterIn({ voters, nextVoters }: Membership, id: NodeId): boolean {
  return voters.includes(id) || nextVoters.includes(id);
}

export function isMemberOf(membership: Membership, id: NodeId): boolean {
  return (
    isVoterIn(membership, id) ||
    membership.observers.includes(id) ||
    membership.nextObservers.includes(id)
  );
}

/** Every member once: voters first, then those that vote next, then observers. */
export function membersOf(membership: Membership): NodeId[] {
  const { voters, nextVoters, observers, nextObservers } = membership;
  return [...new Set([...voters, ...nextVoters, ...observers, ...nextObservers])];
}

/** Equal lists whatever their order. */
export function isSameSet(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
