import { RpcError } from "@dt/rpc";
import { formatAddress, KV_GROUP_ID } from "@dt/server";
import type { HostPort } from "@dt/server";
import type { RaftClient, RoleName, StatusReply } from "@dt/raft";

/** One node as it describes itself, or why it does not. */
export type NodeView =
  | {
      readonly address: string;
      readonly isReachable: true;
      readonly nodeId: number;
      readonly clusterId: string;
      readonly role: RoleName;
      readonly term: number;
      readonly leaderId: number;
      readonly commitIndex: number;
      readonly appliedIndex: number;
      readonly lastIndex: number;
      readonly durableIndex: number;
      /** What stopped the group on this node; empty while it runs. */
      readonly stoppedCode: string;
    }
  | { readonly address: string; readonly isReachable: false; readonly reason: string };

export interface ClusterView {
  readonly nodes: readonly NodeView[];
  /** The node that says it leads, in the highest term; null when none does. */
  readonly leader: { readonly nodeId: number; readonly address: string } | null;
}

/** The order of the numbers that roles have on the wire. */
const ROLES: readonly RoleName[] = ["follower", "preCandidate", "candidate", "leader"];

/** Asks every node what it knows. Nodes that do not answer within `timeoutMs` are shown as such. */
export async function viewCluster(
  client: RaftClient,
  addresses: readonly HostPort[],
  timeoutMs: number,
): Promise<ClusterView> {
  const nodes = await Promise.all(addresses.map((address) => viewNode(client, address, timeoutMs)));
  let leader: (NodeView & { isReachable: true }) | null = null;
  for (const node of nodes) {
    if (node.isReachable && node.role === "leader" && node.term > (leader?.term ?? 0)) {
      leader = node;
    }
  }
  return {
    nodes,
    leader: leader === null ? null : { nodeId: leader.nodeId, address: leader.address },
  };
}

async function viewNode(
  client: RaftClient,
  address: HostPort,
  timeoutMs: number,
): Promise<NodeView> {
  const name = formatAddress(address);
  try {
    return describeNode(name, await client.status(address, timeoutMs));
  } catch (error) {
    return { address: name, isReachable: false, reason: reasonOf(error) };
  }
}

/** The code that says most: that of the node which refused, or what TLS found. */
function reasonOf(error: unknown): string {
  if (error instanceof RpcError) {
    const { fault, remoteCode, code } = error;
    return fault.code === "DT_RPC_TLS" ? `${code} ${fault.reason}` : (remoteCode ?? code);
  }
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function describeNode(address: string, reply: StatusReply): NodeView {
  const group = reply.groups.find(({ groupId }) => groupId === KV_GROUP_ID);
  if (group === undefined) {
    return { address, isReachable: false, reason: "it does not serve the configuration tree" };
  }
  const { term, leaderId, commitIndex, appliedIndex, lastIndex, durableIndex, stoppedCode } = group;
  return {
    address,
    isReachable: true,
    nodeId: reply.nodeId,
    clusterId: reply.clusterId,
    role: ROLES[group.role] ?? "follower",
    term,
    leaderId,
    commitIndex,
    appliedIndex,
    lastIndex,
    durableIndex,
    stoppedCode,
  };
}
