import { RaftClient } from "@dt/raft";
import type { GroupStatus } from "@dt/raft";
import { KV_GROUP_ID } from "../../src/index.ts";
import type { Cluster, ClusterNode } from "../../src/index.ts";
import { waitFor } from "./wait-for.ts";

/** Resolves with the commit index when every node has applied what the leader had committed. */
export async function waitUntilCaughtUp(cluster: Cluster): Promise<number> {
  const client = new RaftClient({ endpoints: cluster.nodes });
  try {
    const leader = await waitFor("a leader", () => cluster.leader());
    const { commitIndex } = await groupStatus(client, leader);
    for (const node of cluster.nodes) {
      await waitFor(`node ${node.nodeId} has applied everything`, async () => {
        const { appliedIndex } = await groupStatus(client, node);
        return appliedIndex >= commitIndex ? true : null;
      });
    }
    return commitIndex;
  } finally {
    await client.close();
  }
}

async function groupStatus(
  client: RaftClient,
  node: ClusterNode,
): Promise<Pick<GroupStatus, "appliedIndex" | "commitIndex">> {
  const { groups } = await client.status(node, 2000);
  const group = groups.find(({ groupId }) => groupId === KV_GROUP_ID);
  if (group === undefined) {
    throw new Error(`node ${node.nodeId} does not serve group ${KV_GROUP_ID}`);
  }
  return group;
}
