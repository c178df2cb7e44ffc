import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { KV_GROUP_ID } from "../../src/index.ts";
import { waitUntilCaughtUp } from "./caught-up.ts";
import { QUICK, scratchCluster } from "./scratch.ts";
import { PATIENCE_MS, waitFor } from "./wait-for.ts";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

const VALUE = Buffer.alloc(4096, "v");

/** Small segments, so that a log's head goes after a few hundred writes. */
const COMPACTING = {
  ...QUICK,
  raft: { ...QUICK.raft, tailBytes: 65_536 },
  storage: { segmentBytes: 1 << 18 },
  limits: { maxEntryBytes: 1 << 16 },
  snapshot: { everyEntries: 200, tailEntries: 0, keep: 1 },
};

describe("a cluster that takes snapshots", () => {
  it("brings up a member that missed more than its logs still hold, and restarts from snapshots", async () => {
    const cluster = await scratchCluster({ settings: COMPACTING });
    const client = new RaftClient({ endpoints: cluster.nodes });
    onTestFinished(() => client.close());
    const tree = new KvClient(client, { groupId: KV_GROUP_ID });
    await tree.put("before", "1");
    const leader = await waitFor("a leader", () => cluster.leader());
    const away = cluster.nodes.find((node) => node !== leader);
    await away?.kill("SIGKILL");
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 200 }, (_, i) => tree.put(`k/${round}/${i}`, VALUE)));
    }
    const taken = await client.takeSnapshot(leader, KV_GROUP_ID);
    expect(taken.index).toBeGreaterThan(1000);
    await away?.start();
    await waitUntilCaughtUp(cluster);
    expect((await tree.count("", { recursive: true })).count).toBe(1007);

    await Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL")));
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await cluster.waitUntilServing();
    expect((await tree.count("", { recursive: true })).count).toBe(1007);
    await tree.put("after", "1");
    const revision = await tree.put("after", "2");
    expect(revision).toBe(1003);
  });
});
