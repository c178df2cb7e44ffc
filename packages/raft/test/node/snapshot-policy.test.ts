import { describe, expect, test } from "vitest";
import type { RaftError } from "../../src/errors.ts";
import { GroupCluster, type Outcome } from "./group-cluster.ts";
import { compact, items, started, write } from "./snapshot-cluster.test.kit.ts";

describe("the policy", () => {
  test("S11 a snapshot holds exactly the state at its index while thousands of writes flow", async () => {
    const cluster = await started(3);
    const { id, group, snapshots, machine } = await cluster.leader();
    await write(cluster, group, 3000, "before");
    const taken = group.takeSnapshot();
    const outcomes: Outcome[] = [];
    let longestMs = 0;
    for (let i = 0; i < 2000; i++) {
      outcomes.push(cluster.propose(group, `during${i}`));
      if (i % 20 === 0) {
        const before = cluster.clock.nowMs();
        const waiting = outcomes.at(-1)!;
        await cluster.runUntil("a write", () => waiting.text !== "waits");
        longestMs = Math.max(longestMs, cluster.clock.nowMs() - before);
      }
    }
    const meta = await taken;
    expect(longestMs).toBeLessThan(50);
    await cluster.runUntil("writes", () => outcomes.every(({ text }) => text !== "waits"));
    const reader = await snapshots!.read(meta.id);
    const bytes = (await reader.read(0, meta.byteLength)).toString("latin1");
    const held = bytes.match(/(before|during)\d+/gu) ?? [];
    expect(held).toEqual(machine.items.slice(0, held.length));
    expect(held.length).toBeGreaterThanOrEqual(3000);
    expect(held.length).toBeLessThan(5000);
    // The no-op of the term is the only entry that is no item.
    expect(meta.index).toBe(held.length + 1);
    expect(cluster.node(id).log.firstIndex).toBe(meta.index + 1);
  });

  test("S11 a snapshot is of the moment that it is named after, however long its store takes to begin it", async () => {
    const cluster = await started(3, { snapshotKeep: 1 }, [3]);
    const { group, snapshots } = await cluster.leader();
    const store = snapshots!;
    const create = store.create.bind(store);
    store.create = async (meta) => {
      await new Promise<void>((resolve) => {
        cluster.clock.setTimer(cluster.clock.nowMs() + 200, resolve);
      });
      return create(meta);
    };
    await write(cluster, group, 30, "before");
    const taken = compact(cluster, group);
    for (let round = 0; round < 20; round++) {
      cluster.propose(group, `meanwhile${round}`);
      await cluster.run(10);
    }
    await taken;
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length >= 50);
    expect(items(cluster, 3)).toEqual(items(cluster, group.nodeId));
  });

  test("S12 what becomes due during a build is looked at after it", async () => {
    const cluster = await started(1, { snapshotEveryEntries: 100 });
    const { group, machine, snapshots } = await cluster.leader();
    for (let round = 0; round < 10; round++) {
      await write(cluster, group, 60, `r${round}-`);
    }
    await cluster.run(500);
    const [newest] = await snapshots!.open();
    expect(group.status().lastIndex - (newest?.index ?? 0)).toBeLessThan(100);
    expect(machine.snapshotsTaken).toBeGreaterThan(1);
    expect(await snapshots!.open()).toHaveLength(2);
  });

  test("time alone makes one due, but only when something was applied since", async () => {
    const cluster = await started(1, { snapshotEveryMs: 1000 });
    const { group, machine } = await cluster.leader();
    await write(cluster, group, 3);
    await cluster.run(1500);
    expect(machine.snapshotsTaken).toBe(1);
    await cluster.run(5000);
    expect(machine.snapshotsTaken).toBe(1);
  });

  test("the log keeps a tail for followers that lag", async () => {
    const cluster = await started(1, { snapshotTailEntries: 10 });
    const { group, log } = await cluster.leader();
    await write(cluster, group, 50);
    const { index } = await compact(cluster, group);
    expect(log.firstIndex).toBe(index - 9);
  });

  test("a state machine that cannot begin one fails that one, and the group goes on", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    await write(cluster, group, 10);
    machine.isUnwilling = true;
    let outcome = "";
    group.takeSnapshot().then(
      () => (outcome = "taken"),
      (error: RaftError) => (outcome = error.code),
    );
    await cluster.runUntil("an outcome", () => outcome !== "");
    expect(outcome).toBe("DT_RAFT_SNAPSHOT_FAILED");
    await write(cluster, group, 10, "later");
    machine.isUnwilling = false;
    await compact(cluster, group);
  });

  test("a member that has nothing to take says so in time", async () => {
    const cluster = new GroupCluster(3).keepSnapshots();
    await cluster.start(1);
    const { group } = cluster.node(1);
    let outcome: unknown = "waits";
    group!.takeSnapshot().catch((error: unknown) => (outcome = error));
    await cluster.runUntil("an outcome", () => outcome !== "waits");
    expect(outcome).toMatchObject({
      code: "DT_RAFT_SNAPSHOT_FAILED",
      cause: { message: expect.stringContaining("nothing") },
    });
    await cluster.start(2);
    await cluster.leader();
    await compact(cluster, group!);
  });

  test("a group without a store says so", async () => {
    const cluster = new GroupCluster(1);
    await cluster.start();
    const { group } = await cluster.leader();
    await expect(group.takeSnapshot()).rejects.toMatchObject({ code: "DT_RAFT_NO_SNAPSHOTS" });
  });
});
