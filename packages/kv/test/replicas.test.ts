import { RpcClient } from "@dt/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KvClient } from "../src/client/kv-client.ts";
import { toByteKey } from "../src/store/byte-key.ts";
import { DirectChannel } from "./direct-channel.ts";
import { GROUP_ID, startKvCluster } from "./kv-cluster.ts";
import type { KvCluster } from "./kv-cluster.ts";

let cluster: KvCluster;
let kv: KvClient;

beforeAll(async () => {
  cluster = await startKvCluster(3);
  kv = new KvClient(cluster.client, { groupId: GROUP_ID });
});

afterAll(() => cluster.close());

/** Waits until every replica has applied the write with this revision. */
async function applied(revision: number): Promise<void> {
  await expect
    .poll(() => cluster.stateMachines.every(({ tree }) => tree.revision >= revision), {
      timeout: 10_000,
    })
    .toBe(true);
}

describe("three replicas", () => {
  it("end in the same state after the same writes", async () => {
    const writes = Array.from({ length: 300 }, (_, i) => {
      const key = `d${i % 7}/k${i % 31}`;
      return i % 5 === 0 ? kv.delete(key) : kv.put(key, `value ${i}`);
    });
    await Promise.all(writes);
    await kv.cas("d1/x", { revision: 0 }, "new");
    await kv.delete("d2", { recursive: true });
    await kv.put("d3", "a directory").catch(() => null);
    await applied(await kv.put("last", "x"));
    const digests = cluster.stateMachines.map((stateMachine) => stateMachine.digest());
    expect(new Set(digests).size).toBe(1);
  });

  it("each serve a stale read, which the others refuse when it must not be stale", async () => {
    await applied(await kv.put("stale/key", "value"));
    let refusedCount = 0;
    for (const address of cluster.addresses) {
      const rpc = new RpcClient({ address });
      await rpc.connect();
      const one = new KvClient(new DirectChannel(rpc), { groupId: GROUP_ID });
      expect(await one.get("stale/key", { stale: true })).toMatchObject({ kind: "value" });
      await one.get("stale/key").catch((error: { remoteCode: string }) => {
        expect(error.remoteCode).toBe("DT_RAFT_NOT_LEADER");
        refusedCount++;
      });
      await rpc.close();
    }
    expect(refusedCount).toBe(2);
  });

  it("each serve a linearizable read by way of the leader", async () => {
    for (let i = 0; i < 20; i++) {
      const value = `value ${i}`;
      await kv.put("replica/key", value);
      // Each read goes to the next replica.
      const node = await kv.get("replica/key", { replica: true });
      expect(node?.kind === "value" ? Buffer.from(node.value).toString() : "").toBe(value);
    }
    expect(await kv.batchGet(["replica/key"], { replica: true })).toHaveLength(1);
    expect(await kv.count("replica", { replica: true })).toMatchObject({ count: 1 });
    for (const address of cluster.addresses) {
      const rpc = new RpcClient({ address });
      await rpc.connect();
      const one = new KvClient(new DirectChannel(rpc), { groupId: GROUP_ID });
      expect(await one.get("replica/key", { replica: true })).toMatchObject({ kind: "value" });
      await rpc.close();
    }
  });

  it("Q15 tell with a stale read how far they are and how old that is", async () => {
    const revision = await kv.put("stale/age", "value");
    await applied(revision);
    for (const address of cluster.addresses) {
      const rpc = new RpcClient({ address });
      await rpc.connect();
      const one = new KvClient(new DirectChannel(rpc), { groupId: GROUP_ID });
      const found = await one.getStale("stale/age");
      expect(found.node).toMatchObject({ kind: "value", modRevision: revision });
      expect(found.appliedIndex).toBeGreaterThan(0);
      expect(found.ageMs).toBeGreaterThanOrEqual(0);
      await rpc.close();
    }
  });

  it("keep what was acknowledged when the leader goes away", async () => {
    const acknowledged = await kv.put("kept", "before");
    await cluster.closeLeader();
    // A read is repeated until somebody leads; a write that was certainly not carried out as well.
    expect(await kv.get("kept")).toMatchObject({ modRevision: acknowledged });
    const after = await kv.put("kept", "after");
    expect(after).toBe(acknowledged + 1);
    const alive = cluster.stateMachines.filter(
      ({ tree }) => tree.find(toByteKey("kept"))?.modRevision === after,
    );
    expect(alive.length).toBeGreaterThan(0);
  });
});
