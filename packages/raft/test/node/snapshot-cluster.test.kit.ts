import { type Message, MessageKind } from "../../src/core/message.ts";
import type { SnapshotMeta } from "../../src/log/snapshot-store.ts";
import type { GroupOptions } from "../../src/node/group-options.ts";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import { GroupCluster } from "./group-cluster.ts";

/** Snapshots of many chunks, and no entry kept behind them. */
export const SNAPSHOTS: GroupOptions = {
  snapshotTailEntries: 0,
  snapshotChunkBytes: 100,
  snapshotTimeoutMs: 500,
  tailBytes: 1,
};

/** Members with snapshot stores, of which `away` are not started yet. */
export async function started(
  size: number,
  options: GroupOptions = {},
  away: number[] = [],
): Promise<GroupCluster> {
  const cluster = new GroupCluster(size, { ...SNAPSHOTS, ...options }).keepSnapshots();
  const up = cluster.nodes.map(({ id }) => id).filter((id) => !away.includes(id));
  await cluster.start(...up);
  return cluster;
}

export async function write(
  cluster: GroupCluster,
  group: RaftGroup<number>,
  count: number,
  name = "i",
): Promise<void> {
  const outcomes = Array.from({ length: count }, (_, i) => cluster.propose(group, `${name}${i}`));
  await cluster.runUntil("writes", () => outcomes.every(({ text }) => text.startsWith("result")));
}

/** A snapshot is taken on this node and its log cut. */
export async function compact(
  cluster: GroupCluster,
  group: RaftGroup<number>,
): Promise<SnapshotMeta> {
  const taken = group.takeSnapshot();
  let index = 0;
  taken.then(
    (meta) => (index = meta.index),
    () => {},
  );
  await cluster.runUntil("a snapshot", () => index > 0);
  await cluster.run(100);
  return taken;
}

/** What the state machine of node `id` holds. */
export const items = (cluster: GroupCluster, id: number): string[] =>
  cluster.node(id).machine.items;

export function isChunk(message: Message, to: number): boolean {
  return message.kind === MessageKind.snapshotChunk && message.to === to;
}
