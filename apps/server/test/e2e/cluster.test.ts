import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { verifyLogs } from "@dt/raft-log-file";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { KV_GROUP_ID, readClusterFile, startCluster } from "../../src/index.ts";
import type { Cluster, ClusterNode } from "../../src/index.ts";
import { waitUntilCaughtUp } from "./caught-up.ts";
import { QUICK, scratchCluster, scratchDirectory } from "./scratch.ts";
import { PATIENCE_MS, waitFor } from "./wait-for.ts";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

const LAUNCHER = fileURLToPath(new URL("launcher.kit.js", import.meta.url));

function clientOf(cluster: Cluster): RaftClient {
  const client = new RaftClient({ endpoints: cluster.nodes });
  onTestFinished(() => client.close());
  return client;
}

async function leaderOf(cluster: Cluster): Promise<ClusterNode> {
  return waitFor("a leader", () => cluster.leader());
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: no such process.
    return false;
  }
}

describe("a cluster of three processes", () => {
  it("goes on writing when its leader is killed; the killed one catches up to an equal log", async () => {
    const cluster = await scratchCluster();
    const client = clientOf(cluster);
    const tree = new KvClient(client, { groupId: KV_GROUP_ID });
    await Promise.all(Array.from({ length: 200 }, (_, i) => tree.put(`before/${i}`, `${i}`)));

    const killed = await leaderOf(cluster);
    await killed.kill("SIGKILL");
    const revision = await tree.put("after/0", "still here");
    expect(revision).toBeGreaterThan(200);
    await Promise.all(Array.from({ length: 200 }, (_, i) => tree.put(`after/${i}`, `${i}`)));

    await killed.start();
    const { count } = await tree.count("", { recursive: true });
    expect(count).toBe(402);
    const commitIndex = await waitUntilCaughtUp(cluster);
    await cluster.close();
    const [log] = await verifyLogs(cluster.nodes.map(({ dataDir }) => dataDir));
    expect(log).toMatchObject({ groupId: KV_GROUP_ID, difference: null });
    expect(log?.copies.map(({ damage }) => damage)).toEqual([null, null, null]);
    expect(log?.equalTo).toBeGreaterThanOrEqual(commitIndex);
  });

  it("does not accept writes without a majority, and says so", async () => {
    const cluster = await scratchCluster();
    const client = clientOf(cluster);
    const tree = new KvClient(client, { groupId: KV_GROUP_ID, timeoutMs: 1000 });
    await tree.put("a", "1");
    const leader = await leaderOf(cluster);
    const followers = cluster.nodes.filter((node) => node !== leader);
    await Promise.all(followers.map((node) => node.kill("SIGKILL")));
    await expect(tree.put("a", "2")).rejects.toMatchObject({
      code: expect.stringMatching(/^DT_(?:RAFT|RPC)_/u) as unknown,
      mayHaveExecuted: true,
    });
    await Promise.all(followers.map((node) => node.start()));
    await cluster.waitUntilServing();
    expect((await tree.get("a"))?.kind).toBe("value");
  });
});

describe("a directory of a cluster", () => {
  it("is started again with its data, on other ports when the old ones are taken", async () => {
    const directory = scratchDirectory();
    const first = await startCluster({ directory, nodeCount: 1, settings: QUICK });
    const ports = first.nodes.map(({ port }) => port);
    await new KvClient(clientOf(first), { groupId: KV_GROUP_ID }).put("kept", "yes");
    await first.close();

    const thief = createServer().listen(ports[0], "127.0.0.1");
    onTestFinished(() => void thief.close());
    await once(thief, "listening");
    const second = await scratchCluster({ directory });
    expect(second.clusterId).toBe(first.clusterId);
    expect(second.nodes.map(({ port }) => port)).not.toEqual(ports);
    expect(readClusterFile(directory)?.nodes.map(({ port }) => port)).toEqual(
      second.nodes.map(({ port }) => port),
    );
    const kept = await new KvClient(clientOf(second), { groupId: KV_GROUP_ID }).get("kept");
    expect(kept?.kind === "value" && kept.value.toString()).toBe("yes");
  });

  it("is not started with another number of nodes", async () => {
    const directory = scratchDirectory();
    const cluster = await startCluster({ directory, nodeCount: 1, settings: QUICK });
    await cluster.close();
    await expect(startCluster({ directory, nodeCount: 3 })).rejects.toMatchObject({
      fault: { code: "DT_SERVER_NODE_COUNT", found: 1, wanted: 3 },
    });
  });

  it("is not started twice", async () => {
    const cluster = await scratchCluster({ nodeCount: 1 });
    const { directory } = cluster;
    await expect(startCluster({ directory })).rejects.toMatchObject({
      fault: { code: "DT_SERVER_RUNNING", directory },
    });
    expect(await cluster.leader()).not.toBeNull();
  });

  it("has nodes that are who their files say, whatever the environment says of one", async () => {
    const elsewhere = scratchDirectory();
    vi.stubEnv("DT_NODE_ID", "2");
    vi.stubEnv("DT_LISTEN", "127.0.0.1:1");
    vi.stubEnv("DT_DATA_DIR", elsewhere);
    onTestFinished(() => void vi.unstubAllEnvs());
    const cluster = await scratchCluster({ nodeCount: 2 });
    const client = clientOf(cluster);
    const replies = await Promise.all(cluster.nodes.map((node) => client.status(node)));
    expect(replies.map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it("says why a node does not start, and leaves no process behind", async () => {
    const started: ClusterNode[] = [];
    const failed = startCluster({
      directory: scratchDirectory(),
      nodeCount: 2,
      settings: { raft: { heartbeatMs: 5000 } },
      onExit: (node) => started.push(node),
    });
    await expect(failed).rejects.toMatchObject({
      fault: { code: "DT_SERVER_NODE_EXITED", exit: { code: 2 } },
      message: expect.stringContaining("raft.electionTimeoutMinMs") as unknown,
    });
    expect(started.length).toBeGreaterThan(0);
    expect(started.some((node) => node.isRunning)).toBe(false);
  });
});

describe("the processes of a launcher", () => {
  it("end when it is killed", async () => {
    const launcher = spawn(process.execPath, [LAUNCHER, scratchDirectory()], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(launcher, "close");
    const [line] = (await once(launcher.stdout, "data")) as [Buffer];
    const pids = JSON.parse(line.toString("utf8")) as number[];
    expect(pids).toHaveLength(2);
    expect(pids.every(isAlive)).toBe(true);
    launcher.kill("SIGKILL");
    await closed;
    await waitFor("no server is left", () => (pids.some(isAlive) ? null : true));
  });
});
