import { Status } from "@dt/rpc";
import type { PeerInfo, Refusal } from "@dt/rpc";
import type { NodeId } from "../core/message.ts";

/**
 * Remembers which store, that is which data directory, each member came with. A member that comes with
 * another one has lost what it promised: as long as it has its old id it must neither vote nor acknowledge.
 */
export interface StoreBook {
  /** Of this node's own directory: 32 hexadecimal digits, made with the directory. */
  readonly ownStore: string;
  /** The store that a member came with first; null for one that was not seen yet. */
  knownStore(nodeId: NodeId): string | null;
  /** Takes effect at once and is durable soon. */
  remember(nodeId: NodeId, store: string): void;
}

/** Announces a member's store in the handshake. */
const PREFIX = "store:";
const STORE = /^[0-9a-f]{32}$/;

/** What a member announces about its store. */
export function storeCapabilities(stores: StoreBook | undefined): string[] {
  return stores === undefined ? [] : [`${PREFIX}${stores.ownStore}`];
}

/** Looks at a member that is welcome otherwise; one that announces no store is not looked at. */
export function refuseStore(stores: StoreBook | undefined, peer: PeerInfo): Refusal | null {
  const announced = peer.capabilities.find((each) => each.startsWith(PREFIX));
  const store = announced?.slice(PREFIX.length) ?? "";
  if (stores === undefined || !STORE.test(store)) {
    return null;
  }
  const known = stores.knownStore(peer.nodeId);
  const sharesOurs = store === stores.ownStore;
  if (!sharesOurs && (known === null || known === store)) {
    if (known === null) {
      stores.remember(peer.nodeId, store);
    }
    return null;
  }
  const why = sharesOurs
    ? `store ${store}, which is the one of this node: its data directory is a copy`
    : `store ${store}; it had ${known}: its data directory was replaced. Give the node a new id`;
  const message = `node ${peer.nodeId} comes with ${why}`;
  return { status: Status.denied, code: "DT_RAFT_WRONG_STORE", message };
}
