import { RaftAdmin } from "@dt/raft";
import type { Member } from "@dt/raft";
import { KV_GROUP_ID } from "@dt/server";
import type { Cluster, ClusterNode } from "@dt/server";
import { pause } from "./closed-loop.ts";
import type { KvTarget } from "./kv-target.ts";
import type { Scalar } from "./report.ts";

export interface MemberChangeOptions {
  /** Times that the leadership is handed to another node. */
  readonly transfers: number;
  /** Replace every member by a fresh node, one after the other. */
  readonly replaceMembers: boolean;
}

/** Between two changes, so that each is felt by itself. */
const PAUSE_MS = 250;
const STOP_TIMEOUT_MS = 20_000;

/** Moves the leadership and replaces the members of a started cluster; resolves with what was done. */
export async function changeMembers(
  target: KvTarget,
  { transfers, replaceMembers }: MemberChangeOptions,
): Promise<Record<string, Scalar>> {
  const { cluster } = target;
  const admin = new RaftAdmin(target.raft, KV_GROUP_ID);
  const startMs = performance.now();
  for (let i = 0; i < transfers; i++) {
    const { leaderId, configuration } = await admin.status();
    const voters = configuration?.voters ?? [];
    const next = voters[(voters.indexOf(leaderId) + 1) % voters.length] ?? 0;
    await admin.transferLeadership(next);
    await pause(PAUSE_MS);
  }
  const transferMs = performance.now() - startMs;
  const replaced = replaceMembers && cluster !== null ? await replaceAll(cluster, admin) : 0;
  return {
    transfers,
    transferMs: Math.round(transferMs),
    replacedMembers: replaced,
    replaceMs: Math.round(performance.now() - startMs - transferMs),
  };
}

async function replaceAll(cluster: Cluster, admin: RaftAdmin): Promise<number> {
  const old = [...cluster.nodes];
  const voters: ClusterNode[] = [...old];
  for (const leaving of old) {
    const fresh = await cluster.startJoining();
    voters.splice(voters.indexOf(leaving), 1, fresh);
    await admin.changeMembers({ voters: voters.map(toMember), observers: [] });
    await leaving.stop(STOP_TIMEOUT_MS);
    await pause(PAUSE_MS);
  }
  return old.length;
}

function toMember({ nodeId, host, port }: ClusterNode): Member {
  return { nodeId, host, port };
}
