import { Status } from "@dt/rpc";
import type { AuthIdentity, PeerInfo, Refusal } from "@dt/rpc";
import type { NodeId } from "../core/message.ts";
import { RaftError } from "../errors.ts";
import type { Member } from "../node/group-config.ts";
import { refuseStore, type StoreBook } from "./store-check.ts";

/** Role that members announce in the handshake; only they may send messages to groups. */
export const MEMBER_ROLE = "member";

export interface OwnIdentity {
  /** 32 hexadecimal digits, new for each start. */
  readonly processId: string;
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** Whether somebody with this proved identity may be a member. Default: whoever says so. */
  readonly isMember?: IsMember | undefined;
  /** Which data directory each member had. Default: nobody looks. */
  readonly stores?: StoreBook | undefined;
}

export type IsMember = (identity: AuthIdentity) => boolean;

const MAX_NODE_ID = 0xffff_ffff;

/** Throws DT_RAFT_OPTIONS with every problem of a member list. An empty one is that of a node that waits to be added. */
export function checkMembers(nodeId: NodeId, members: readonly Member[]): void {
  const problems: string[] = [];
  const ids = new Set<NodeId>();
  const addresses = new Set<string>();
  for (const member of members) {
    const name = `members: node ${member.nodeId}`;
    if (!Number.isInteger(member.nodeId) || member.nodeId < 1 || member.nodeId > MAX_NODE_ID) {
      problems.push(`${name}: the id is not within 1..2^32-1`);
    }
    if (ids.has(member.nodeId)) {
      problems.push(`${name}: the id appears twice`);
    }
    const address = `${member.host}:${member.port}`;
    if (addresses.has(address)) {
      problems.push(`${name}: the address ${address} appears twice`);
    }
    ids.add(member.nodeId);
    addresses.add(address);
  }
  if (members.length > 0 && !ids.has(nodeId)) {
    problems.push(`nodeId: ${nodeId} is not among the members`);
  }
  if (problems.length > 0) {
    throw new RaftError({ code: "DT_RAFT_OPTIONS", problems });
  }
}

/**
 * Looks at who connects. A client is welcome unless it names another cluster; a member must be of this cluster and
 * not this very process. Who is a member of which group changes, and is for each group to judge by its log.
 */
export function refusePeer(own: OwnIdentity, peer: PeerInfo): Refusal | null {
  if (peer.clusterId !== "" && peer.clusterId !== own.clusterId) {
    return deny(
      "DT_RAFT_WRONG_CLUSTER",
      `this is cluster ${own.clusterId}, the peer is of ${peer.clusterId}`,
    );
  }
  if (peer.role !== MEMBER_ROLE) {
    return null;
  }
  if (peer.processId === own.processId || peer.nodeId === own.nodeId) {
    return deny("DT_RAFT_SELF_CONNECTION", `the peer says it is node ${own.nodeId}, and so am I`);
  }
  if (own.isMember !== undefined && !own.isMember(peer.identity)) {
    const { kind, name } = peer.identity;
    return deny("DT_RAFT_MEMBER_IDENTITY", `${kind} "${name}" may not take part as a member`);
  }
  return refuseStore(own.stores, peer);
}

/** Looks at who answers at a member's address: it must be that member. */
export function refuseMember(own: OwnIdentity, expected: NodeId, peer: PeerInfo): Refusal | null {
  if (peer.clusterId !== own.clusterId) {
    return deny(
      "DT_RAFT_WRONG_CLUSTER",
      `cluster ${peer.clusterId} answers at the address of node ${expected} of ${own.clusterId}`,
    );
  }
  if (peer.nodeId !== expected) {
    return deny(
      "DT_RAFT_WRONG_MEMBER",
      `node ${peer.nodeId} answers at the address of node ${expected}`,
    );
  }
  return refuseStore(own.stores, peer);
}

function deny(code: string, message: string): Refusal {
  return { status: Status.denied, code, message };
}
