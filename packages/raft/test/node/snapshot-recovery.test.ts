import { describe, expect, test } from "vitest";
import { singleEntry } from "../../src/entry/batch-builder.ts";
import { EntryType } from "../../src/entry/record.ts";
import { ConfigKind, encodeConfigPayload } from "../../src/entry/config-payload.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { MemorySnapshotStore } from "../../src/log/memory-snapshot-store.ts";
import type { GroupOptions } from "../../src/node/group-options.ts";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import { MessageKind } from "../../src/core/message.ts";
import { GroupCluster } from "./group-cluster.ts";

const SNAPSHOTS: GroupOptions = { snapshotTailEntries: 0, snapshotTimeoutMs: 500, tailBytes: 1 };

async function started(size: number, options: GroupOptions = {}): Promise<GroupCluster> {
  const cluster = new GroupCluster(size, { ...SNAPSHOTS, ...options }).keepSnapshots();
  await cluster.start();
  return cluster;
}

async function write(cluster: GroupCluster, group: RaftGroup<number>, count: number, name = "i") {
  const outcomes = Array.from({ length: count }, (_, i) => cluster.propose(group, `${name}${i}`));
  await cluster.runUntil("writes", () => outcomes.every(({ text }) => text.startsWith("result")));
}

async function compact(cluster: GroupCluster, group: RaftGroup<number>) {
  const taken = group.takeSnapshot();
  let isDone = false;
  taken.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  await cluster.runUntil("a snapshot", () => isDone);
  await cluster.run(100);
  return taken;
}

async function restart(cluster: GroupCluster, id = 1): Promise<RaftGroup<number>> {
  await cluster.stop(id);
  await cluster.start(id);
  return (await cluster.leader()).group;
}

const items = (cluster: GroupCluster, id = 1): string[] => cluster.node(id).machine.items;

function clockLog(cluster: GroupCluster): MemoryLog {
  return new MemoryLog({ defer: (task) => cluster.clock.defer(task) });
}

describe("B6 a restart", () => {
  test("(a) with a log only applies it from the start", async () => {
    const cluster = await started(1);
    await write(cluster, (await cluster.leader()).group, 20);
    cluster.node(1).snapshots = new MemorySnapshotStore();
    await restart(cluster);
    expect(items(cluster)).toHaveLength(20);
  });

  test("(b) with a snapshot only continues after it", async () => {
    const cluster = await started(1);
    const { group } = await cluster.leader();
    await write(cluster, group, 20);
    const { index } = await compact(cluster, group);
    await cluster.stop(1);
    cluster.node(1).log = clockLog(cluster);
    await cluster.start(1);
    const again = (await cluster.leader()).group;
    expect(items(cluster)).toHaveLength(20);
    expect(cluster.node(1).log.firstIndex).toBe(index + 1);
    await write(cluster, again, 5, "later");
    await restart(cluster);
    expect(items(cluster)).toHaveLength(25);
  });

  test("(c) with both restores the one and applies the other", async () => {
    const cluster = await started(1);
    const { group } = await cluster.leader();
    await write(cluster, group, 20);
    await compact(cluster, group);
    await write(cluster, group, 7, "later");
    const before = items(cluster);
    await restart(cluster);
    expect(items(cluster)).toEqual(before);
    expect(cluster.node(1).log.firstIndex).toBeGreaterThan(20);
  });

  test("(d) with neither begins empty", async () => {
    const cluster = await started(1);
    await cluster.leader();
    expect(items(cluster)).toEqual([]);
  });

  test("(e) with a snapshot newer than the log's end starts from the snapshot", async () => {
    const cluster = await started(1);
    const { group } = await cluster.leader();
    await write(cluster, group, 5);
    await cluster.stop(1);
    const older = await copyOf(cluster, clockLog(cluster));
    await cluster.start(1);
    const again = (await cluster.leader()).group;
    await write(cluster, again, 50, "later");
    const { index } = await compact(cluster, again);
    await cluster.stop(1);
    cluster.node(1).log = older;
    await cluster.start(1);
    await cluster.leader();
    expect(items(cluster)).toHaveLength(55);
    expect(cluster.node(1).log.firstIndex).toBe(index + 1);
  });
});

test("B5 a single voter leads at once after a restart and applies each entry once", async () => {
  const cluster = await started(1);
  const { group } = await cluster.leader();
  await write(cluster, group, 20);
  await compact(cluster, group);
  await write(cluster, group, 5, "later");
  await cluster.stop(1);
  await cluster.start(1);
  const before = cluster.clock.nowMs();
  await cluster.leader();
  expect(cluster.clock.nowMs() - before).toBeLessThan(200);
  expect(items(cluster)).toHaveLength(25);
  expect(new Set(items(cluster)).size).toBe(25);
});

test("B7 every member has the state it had, after all of them restarted", async () => {
  const cluster = await started(3, { snapshotEveryEntries: 30 });
  const { group } = await cluster.leader();
  await write(cluster, group, 100);
  await cluster.run(2000);
  const before = items(cluster, 1).join();
  for (const { id } of cluster.nodes) {
    await cluster.stop(id);
  }
  await cluster.start();
  await cluster.leader();
  await cluster.run(2000);
  for (const { id, log } of cluster.nodes) {
    expect(items(cluster, id).join()).toBe(before);
    expect(log.firstIndex).toBeGreaterThan(30);
  }
});

test("S10 a configuration stays, however many snapshots are taken behind it", async () => {
  const cluster = await started(1);
  await cluster.stop(1);
  await appendConfig(cluster);
  await cluster.start(1);
  const { group } = await cluster.leader();
  await write(cluster, group, 10);
  for (let round = 0; round < 3; round++) {
    const meta = await compact(cluster, group);
    expect(meta.membershipIndex).toBeGreaterThan(0);
    await write(cluster, group, 5, `r${round}-`);
  }
  const { membershipIndex } = await compact(cluster, await restart(cluster));
  expect(cluster.node(1).log.firstIndex).toBeGreaterThan(membershipIndex);
  const last = await compact(cluster, await restart(cluster));
  expect(last.membershipIndex).toBe(membershipIndex);
});

describe("a damaged snapshot", () => {
  test("falls back to the one before, for which the log is still there", async () => {
    const cluster = await started(1);
    const { group, snapshots } = await cluster.leader();
    await write(cluster, group, 20);
    await compact(cluster, group);
    await write(cluster, group, 20, "more");
    const newest = await compact(cluster, group);
    await write(cluster, group, 5, "later");
    const before = items(cluster);
    await cluster.stop(1);
    snapshots!.damage(newest.id, 40);
    await cluster.start(1);
    await cluster.leader();
    expect(items(cluster)).toEqual(before);
  });

  test("that nothing stands behind is fetched from the leader, and until then the node votes and stores", async () => {
    const cluster = await started(3, { snapshotKeep: 1 });
    const { group } = await cluster.leader();
    await write(cluster, group, 20);
    for (const { group: each } of cluster.nodes) {
      await compact(cluster, each!);
    }
    const lost = cluster.nodes.find(({ group: each }) => each!.status().role === "follower")!;
    await cluster.stop(lost.id);
    const [meta] = await lost.snapshots!.open();
    lost.snapshots!.damage(meta!.id, 40);
    await cluster.start(lost.id);
    await write(cluster, group, 5, "later");
    await cluster.runUntil("the state", () => items(cluster, lost.id).length === 25);
    expect(items(cluster, lost.id)).toEqual((await cluster.leader()).machine.items);
  });

  test("that nobody could replace is refused, with what is missing", async () => {
    const cluster = await started(1, { snapshotKeep: 1 });
    const { group, snapshots } = await cluster.leader();
    await write(cluster, group, 20);
    const { id, index } = await compact(cluster, group);
    await cluster.stop(1);
    snapshots!.damage(id, 40);
    await expect(cluster.start(1)).rejects.toMatchObject({
      code: "DT_RAFT_SNAPSHOT_MISSING",
      fault: { firstIndex: index + 1 },
    });
  });
});

test("a state machine that refuses a good snapshot stops its group visibly", async () => {
  const cluster = new GroupCluster(3, SNAPSHOTS).keepSnapshots();
  await cluster.start(1, 2);
  const { group } = await cluster.leader();
  await write(cluster, group, 20);
  await compact(cluster, group);
  await cluster.start(3);
  const third = cluster.node(3);
  third.machine.isStubborn = true;
  await cluster.runUntil("the stop", () => third.group !== null && third.group.stopped !== null);
  expect(third.group?.stopped?.code).toBe("DT_RAFT_RESTORE_FAILED");
  await write(cluster, group, 5, "later");
});

test("B10 a group that is stopped while it takes or installs a snapshot ends at once", async () => {
  const cluster = new GroupCluster(3, SNAPSHOTS).keepSnapshots();
  await cluster.start(1, 2);
  const { id, group } = await cluster.leader();
  await write(cluster, group, 5000);
  const taken = group.takeSnapshot();
  const outcome = taken.catch((error: unknown) => error);
  await cluster.run(60);
  const before = cluster.clock.nowMs();
  await cluster.stop(id);
  expect(cluster.clock.nowMs() - before).toBeLessThan(2000);
  expect(await outcome).toMatchObject({ code: "DT_RAFT_GROUP_STOPPED" });
  expect(await cluster.node(id).snapshots!.open()).toEqual([]);
});

/** A configuration of one more observer, committed by what follows it. */
async function appendConfig(cluster: GroupCluster): Promise<void> {
  const { log } = cluster.node(1);
  const { hardState, lastIndex, lastChain } = await log.open();
  const members = [1, 9].map((nodeId) => ({ nodeId, host: "h", port: 7000 + nodeId }));
  const payload = encodeConfigPayload({
    members,
    voters: [1],
    observers: [9],
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    isAbort: false,
    removed: [],
  });
  const { term } = hardState;
  const kind = ConfigKind.commit;
  const entry = singleEntry(EntryType.config, payload, lastIndex + 1, term, 1, lastChain, kind);
  await store(cluster, log as MemoryLog, { hardState, batches: [entry] });
  await log.close();
}

/** The same entries in another log, as a disk copied earlier has them. */
async function copyOf(cluster: GroupCluster, into: MemoryLog): Promise<MemoryLog> {
  const { log } = cluster.node(1);
  const { hardState, lastIndex } = await log.open();
  await into.open();
  const batches = await log.read(1, lastIndex, 1 << 20);
  await store(cluster, into, { hardState, batches });
  await log.close();
  return into;
}

type Content = {
  readonly hardState: {
    readonly term: number;
    readonly vote: number;
    readonly commitIndex: number;
  };
  readonly batches: Awaited<ReturnType<MemoryLog["read"]>>;
};

async function store(cluster: GroupCluster, log: MemoryLog, content: Content): Promise<void> {
  const io = { term: content.hardState.term, sequence: 0 };
  let isStored = false;
  log.write({ io, ...content, reset: null, truncateFrom: 0 }, () => (isStored = true));
  await cluster.runUntil("the copy", () => isStored);
}

test("B6 whoever lost a state newer than the leader's snapshot gets one that is new enough, once", async () => {
  const cluster = await started(3, { snapshotKeep: 1 });
  const { group } = await cluster.leader();
  await write(cluster, group, 10);
  await compact(cluster, group);
  await write(cluster, group, 10, "more");
  const lost = cluster.nodes.find(({ group: each }) => each!.status().role === "follower")!;
  await cluster.runUntil("all of it", () => lost.machine.items.length === 20);
  const meta = await compact(cluster, lost.group!);
  await cluster.stop(lost.id);
  lost.snapshots!.damage(meta.id, 40);
  const offers = new Set<number>();
  cluster.onWay = (message) => {
    if (message.kind === MessageKind.snapshotChunk) {
      offers.add(message.index);
    }
    return message;
  };
  await cluster.start(lost.id);
  await cluster.runUntil("the state", () => items(cluster, lost.id).length === 20);
  expect([...offers]).toEqual([meta.index]);
});
