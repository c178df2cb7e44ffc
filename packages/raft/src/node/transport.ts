import type { Message, NodeId } from "../core/message.ts";
import type { Member } from "../entry/config-payload.ts";
import type { EntryAnswer, EntryRequest } from "./entry-fetch.ts";

/** What a transport delivers to a group. */
export interface TransportReceiver {
  /** In the order in which the peer sent them, as long as its connection holds. */
  onMessage(message: Message): void;
  /** Messages to `peer` may have been lost. */
  onUnreachable(peer: NodeId): void;
  /** Another member has lost entries. Never rejects. */
  onFetch?(request: EntryRequest): Promise<EntryAnswer>;
}

/**
 * Carries messages between the members of many groups. Best effort: messages may be lost, and then the
 * receiver's `onUnreachable` is called; they are never altered. Calls and deliveries happen on one thread.
 */
export interface RaftTransport {
  /** False when the message was dropped at once, because the peer is not connected or its queue is full. */
  send(groupId: number, message: Message): boolean;
  /** Asks a member for entries that were lost here. Rejects when it does not answer. Without it, nothing is repaired. */
  fetch?(groupId: number, peer: NodeId, request: EntryRequest): Promise<EntryAnswer>;
  register(groupId: number, receiver: TransportReceiver): void;
  /** Where the members of a group are, from now on: connects to new ones, lets those go that no group has. */
  setMembers(groupId: number, members: readonly Member[]): void;
  unregister(groupId: number): void;
}
