import { setTimeout as delay } from "node:timers/promises";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import type { RaftClientOptions, StatusReply } from "@dt/raft";
import { formatAddress } from "../address.ts";
import type { HostPort } from "../address.ts";
import { ServerError } from "../server-error.ts";
import { KV_GROUP_ID } from "../start-server.ts";

const STATUS_TIMEOUT_MS = 1000;
const PAUSE_MS = 20;
/** Somebody else may listen at an address and never answer. */
const RPC: ConnectOptions = { connectTimeoutMs: STATUS_TIMEOUT_MS };

/** For the connections to the nodes, such as `tls` and `auth`; see @dt/rpc. */
export type ConnectOptions = NonNullable<RaftClientOptions["rpc"]>;

/**
 * Resolves when the cluster answers a linearizable read and every one of these nodes knows the leader. Rejects
 * with DT_SERVER_NOT_SERVING, at once when `signal` is aborted.
 */
export async function waitUntilServing(
  addresses: readonly HostPort[],
  timeoutMs: number,
  signal: AbortSignal,
  options: ConnectOptions = {},
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const client = new RaftClient({ endpoints: addresses, timeoutMs, rpc: { ...RPC, ...options } });
  const onAbort = (): void => void client.close();
  signal.addEventListener("abort", onAbort);
  try {
    await new KvClient(client, { groupId: KV_GROUP_ID }).count("");
    for (const address of addresses) {
      while (leaderIdOf(await readStatus(client, address)) === 0) {
        if (signal.aborted || performance.now() > deadlineMs) {
          throw notServing(addresses, timeoutMs);
        }
        await delay(PAUSE_MS);
      }
    }
  } catch (error) {
    throw error instanceof ServerError ? error : notServing(addresses, timeoutMs, error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    await client.close();
  }
}

/** Id of the node that leads the tree's group; 0 when nobody who answers leads. */
export async function findLeader(
  addresses: readonly HostPort[],
  options: ConnectOptions = {},
): Promise<number> {
  const client = new RaftClient({ endpoints: addresses, rpc: { ...RPC, ...options } });
  try {
    const replies = await Promise.all(addresses.map((address) => readStatus(client, address)));
    return newestLeader(replies);
  } finally {
    await client.close();
  }
}

/** Of several that say they lead, the one of the highest term does. */
function newestLeader(replies: readonly (StatusReply | null)[]): number {
  let leaderId = 0;
  let term = 0;
  for (const reply of replies) {
    const group = groupOf(reply);
    if (reply !== null && group !== null && group.leaderId === reply.nodeId && group.term > term) {
      leaderId = reply.nodeId;
      term = group.term;
    }
  }
  return leaderId;
}

function leaderIdOf(reply: StatusReply | null): number {
  return groupOf(reply)?.leaderId ?? 0;
}

function groupOf(reply: StatusReply | null) {
  return reply?.groups.find(({ groupId }) => groupId === KV_GROUP_ID) ?? null;
}

/** Null for a node that does not answer. */
async function readStatus(client: RaftClient, address: HostPort): Promise<StatusReply | null> {
  try {
    return await client.status(address, STATUS_TIMEOUT_MS);
  } catch {
    // Unreachable, starting or stopping: the caller asks again or counts it as no leader.
    return null;
  }
}

function notServing(
  addresses: readonly HostPort[],
  timeoutMs: number,
  cause?: unknown,
): ServerError {
  return new ServerError(
    { code: "DT_SERVER_NOT_SERVING", timeoutMs, addresses: addresses.map(formatAddress) },
    cause === undefined ? {} : { cause },
  );
}

/** Whether a node of this cluster answers at an address. */
export async function isClusterAt(
  address: HostPort,
  clusterId: string,
  options: ConnectOptions = {},
): Promise<boolean> {
  const client = new RaftClient({ endpoints: [address], rpc: { ...RPC, ...options } });
  try {
    const reply = await readStatus(client, address);
    return reply?.clusterId === clusterId;
  } finally {
    await client.close();
  }
}
