import { createHash } from "node:crypto";
import type { PeerInfo } from "@dt/rpc";

/**
 * Stands for whoever opens a session: the identity that was proved, else the host that the connection comes from.
 * The same on every node.
 */
export function sessionOwner({
  identity,
  address,
}: Pick<PeerInfo, "identity" | "address">): bigint {
  const isAnonymous = identity.kind === "anonymous";
  const name = isAnonymous ? hostOf(address) : `${identity.kind}:${identity.name}`;
  return createHash("sha256").update(name).digest().readBigUInt64BE(0);
}

/** Of "host:port"; anything else stands for itself. */
function hostOf(address: string): string {
  const end = address.lastIndexOf(":");
  return `host:${end === -1 ? address : address.slice(0, end)}`;
}
