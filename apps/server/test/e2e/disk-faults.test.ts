import { fileURLToPath } from "node:url";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { RpcError } from "@dt/rpc";
import type { InjectedFault } from "@dt/raft-log-file/testing";
import { expect, it, onTestFinished, vi } from "vitest";
import { type ClusterNode, ExitCode, KV_GROUP_ID } from "../../src/index.ts";
import type { FaultMessage } from "./faulty-server.kit.ts";
import { QUICK, scratchCluster } from "./scratch.ts";
import { PATIENCE_MS, waitFor } from "./wait-for.ts";

vi.setConfig({ testTimeout: 3 * PATIENCE_MS });

const PROGRAM = fileURLToPath(new URL("faulty-server.kit.js", import.meta.url));
const SEGMENTS = `/${KV_GROUP_ID}/log/`;

async function faultyCluster(nodeCount: number) {
  const cluster = await scratchCluster({
    nodeCount,
    program: PROGRAM,
    settings: { ...QUICK, raft: { ...QUICK.raft, noSpaceRetryMs: 50 } },
  });
  const client = new RaftClient({ endpoints: cluster.nodes, timeoutMs: 10_000 });
  onTestFinished(() => client.close());
  return { cluster, client, tree: new KvClient(client, { groupId: KV_GROUP_ID }) };
}

function inject(node: ClusterNode | null | undefined, ...faults: InjectedFault[]): void {
  const message: FaultMessage = { faults };
  node?.send(message);
}

async function missing(tree: KvClient, keys: readonly string[]): Promise<string[]> {
  const found = await Promise.all(keys.map((key) => tree.get(key)));
  return keys.filter((key, i) => {
    const node = found[i];
    return node?.kind !== "value" || node.value.toString() !== key;
  });
}

function codeOf(error: unknown): string {
  if (error instanceof RpcError) {
    return error.remoteCode ?? error.code;
  }
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : String(error);
}

it("D13 stops with its exit code when a sync fails, acknowledges nothing of it and loses nothing before it", async () => {
  const { cluster, tree } = await faultyCluster(1);
  const [node] = cluster.nodes;
  const keys = Array.from({ length: 30 }, (_, i) => `before/${i}`);
  await Promise.all(keys.map((key) => tree.put(key, key)));
  inject(node, { operation: "sync", path: SEGMENTS, error: "EIO", count: 1 });
  const acknowledged = await waitFor("a write that fails", async () => {
    try {
      await tree.put("later", "later");
      return null;
    } catch {
      return false;
    }
  });
  expect(acknowledged).toBe(false);
  expect(await node?.exited).toEqual({ code: ExitCode.group, signal: null });
  await cluster.start();
  await cluster.waitUntilServing();
  expect(await missing(tree, keys)).toEqual([]);
});

it("D15 refuses writes while the disk has no space, and goes on without a restart", async () => {
  const { cluster, tree } = await faultyCluster(1);
  const [node] = cluster.nodes;
  const keys = ["first"];
  await tree.put("first", "first");
  inject(node, { operation: "write", path: SEGMENTS, error: "ENOSPC", isGrowth: true });
  const value = "x".repeat(100_000);
  await waitFor("a write that is refused for space", async () => {
    const key = `full/${keys.length}`;
    try {
      await tree.put(key, key);
      await tree.put("large", value);
      keys.push(key);
      return null;
    } catch (error) {
      expect(codeOf(error)).toBe("DT_RAFT_NO_SPACE");
      return true;
    }
  });
  expect(await missing(tree, keys)).toEqual([]);
  inject(node);
  await waitFor("a write that is accepted again", async () => {
    try {
      await tree.put("after", "after");
      return true;
    } catch (error) {
      expect(codeOf(error)).toBe("DT_RAFT_NO_SPACE");
      return null;
    }
  });
  await node?.restart("SIGKILL");
  await cluster.waitUntilServing();
  expect(await missing(tree, [...keys, "after"])).toEqual([]);
});

it("D23 a leader whose syncs take two seconds keeps its leadership or hands it over once", async () => {
  const { cluster, client, tree } = await faultyCluster(3);
  await tree.put("before", "before");
  const leader = await waitFor("a leader", () => cluster.leader());
  const term = await highestTerm(client, cluster.nodes);
  inject(leader, { operation: "sync", delayMs: 2000 });
  const keys = ["before"];
  // The followers' disks are as fast as before: each of these needs theirs only.
  for (let i = 0; i < 40; i++) {
    await tree.put(`slow/${i}`, `slow/${i}`);
    keys.push(`slow/${i}`);
  }
  expect(await highestTerm(client, cluster.nodes)).toBeLessThanOrEqual(term + 1);
  inject(leader);
  expect(await missing(tree, keys)).toEqual([]);
  expect(await highestTerm(client, cluster.nodes)).toBeLessThanOrEqual(term + 1);
});

async function highestTerm(client: RaftClient, nodes: readonly ClusterNode[]): Promise<number> {
  const replies = await Promise.all(nodes.map((node) => client.status(node)));
  return Math.max(...replies.flatMap(({ groups }) => groups.map((group) => group.term)));
}
