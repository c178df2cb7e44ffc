import { describe, expect, test } from "vitest";
import { type Message, MessageKind, SnapshotStatus } from "../../src/core/message.ts";
import type { GroupOptions } from "../../src/node/group-options.ts";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import type { RaftError } from "../../src/errors.ts";
import { SnapshotSlots } from "../../src/node/snapshots/snapshot-slots.ts";
import { GroupCluster, type Outcome } from "./group-cluster.ts";

const SNAPSHOTS: GroupOptions = {
  snapshotTailEntries: 0,
  snapshotChunkBytes: 100,
  snapshotTimeoutMs: 500,
  tailBytes: 1,
};

/** Members with snapshot stores, of which `away` are not started yet. */
async function started(size: number, options: GroupOptions = {}, away: number[] = []) {
  const cluster = new GroupCluster(size, { ...SNAPSHOTS, ...options }).keepSnapshots();
  const up = cluster.nodes.map(({ id }) => id).filter((id) => !away.includes(id));
  await cluster.start(...up);
  return cluster;
}

async function write(cluster: GroupCluster, group: RaftGroup<number>, count: number, name = "i") {
  const outcomes = Array.from({ length: count }, (_, i) => cluster.propose(group, `${name}${i}`));
  await cluster.runUntil("writes", () => outcomes.every(({ text }) => text.startsWith("result")));
}

/** A snapshot is taken on this node and its log cut. */
async function compact(cluster: GroupCluster, group: RaftGroup<number>) {
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

const items = (cluster: GroupCluster, id: number): string[] => cluster.node(id).machine.items;

function isChunk(message: Message, to: number): boolean {
  return message.kind === MessageKind.snapshotChunk && message.to === to;
}

describe("a follower behind the log's head", () => {
  test("S1 gets a snapshot and then the log", async () => {
    const cluster = await started(3, {}, [3]);
    const { group, log, machine } = await cluster.leader();
    await write(cluster, group, 50);
    const meta = await compact(cluster, group);
    expect(log.firstIndex).toBe(meta.index + 1);
    await cluster.start(3);
    await write(cluster, group, 20, "later");
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 70);
    expect(items(cluster, 3)).toEqual(machine.items);
    expect(cluster.node(3).log.firstIndex).toBe(meta.index + 1);
    expect(cluster.node(3).machine.snapshotsTaken).toBe(0);
  });

  test("S18 gets one also when the log is empty and the group idle", async () => {
    const cluster = await started(3, {}, [3]);
    const { group, log } = await cluster.leader();
    await write(cluster, group, 10);
    const { index } = await compact(cluster, group);
    expect([log.firstIndex, group.status().lastIndex]).toEqual([index + 1, index]);
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 10);
    await cluster.run(1000);
    expect(cluster.node(3).group?.status()).toMatchObject({ commitIndex: index });
  });

  test("S2 crashes in the middle of the transfer and gets it again", async () => {
    const cluster = await started(3, {}, [3]);
    const { group } = await cluster.leader();
    await write(cluster, group, 300);
    await compact(cluster, group);
    let chunks = 0;
    cluster.onWay = (message) => {
      chunks += isChunk(message, 3) ? 1 : 0;
      return message;
    };
    await cluster.start(3);
    await cluster.runUntil("a part of it", () => chunks > 5);
    await cluster.stop(3);
    await cluster.run(3000);
    expect(items(cluster, 3)).toEqual([]);
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 300);
  });

  test("S3 that swallows every message costs the others nothing, and the end waits for nobody", async () => {
    const cluster = await started(4, {}, [4]);
    cluster.onWay = (message) => (message.to === 4 ? null : message);
    const { id, group } = await cluster.leader();
    await write(cluster, group, 50);
    await compact(cluster, group);
    await cluster.start(4);
    const before = cluster.clock.nowMs();
    await write(cluster, group, 50, "more");
    expect(cluster.clock.nowMs() - before).toBeLessThan(100);
    await cluster.stop(id);
  });

  test("S4 goes on where a broken transfer stopped, as long as it is the same snapshot", async () => {
    const cluster = await started(3, {}, [3]);
    const { id, group } = await cluster.leader();
    await write(cluster, group, 1500);
    const meta = await compact(cluster, group);
    const chunkCount = Math.ceil(meta.byteLength / 100);
    expect(chunkCount).toBeGreaterThan(60);
    let isCut = false;
    const offsets: number[] = [];
    cluster.onWay = (message) => {
      if (message.kind === MessageKind.snapshotChunk && message.bytes.length > 0) {
        isCut ||= message.offset >= 6000 && offsets.at(-1) === 5900;
        if (!isCut) {
          offsets.push(message.offset);
        }
      }
      const isOfTransfer =
        message.kind === MessageKind.snapshotChunk || message.kind === MessageKind.snapshotReply;
      return isCut && isOfTransfer ? null : message;
    };
    await cluster.start(3);
    await cluster.runUntil("the cut", () => isCut);
    cluster.loseConnection(id, 3);
    await cluster.run(1000);
    const resumed: number[] = [];
    cluster.onWay = (message) => {
      if (message.kind === MessageKind.snapshotChunk && message.bytes.length > 0) {
        resumed.push(message.offset);
      }
      return message;
    };
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 1500);
    expect(resumed[0]).toBe(6000);
    expect(new Set(resumed).size).toBe(resumed.length);
  });

  test("S4 begins anew when another snapshot has taken its place", async () => {
    const cluster = await started(3, { snapshotKeep: 1 }, [3]);
    const { group } = await cluster.leader();
    await write(cluster, group, 300);
    await compact(cluster, group);
    let isCut = false;
    cluster.onWay = (message) => {
      isCut ||= message.kind === MessageKind.snapshotChunk && message.offset > 1000;
      return isCut && isChunk(message, 3) ? null : message;
    };
    await cluster.start(3);
    await cluster.runUntil("the cut", () => isCut);
    await write(cluster, group, 10, "later");
    const newer = await compact(cluster, group);
    const first: Message[] = [];
    cluster.onWay = (message) => {
      if (message.kind === MessageKind.snapshotChunk && message.bytes.length > 0) {
        first.push(message);
      }
      return message;
    };
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 310);
    expect(first[0]).toMatchObject({ id: newer.id, offset: 0 });
  });

  test("S5 takes no chunk twice, out of order or changed, and checks the whole before it installs", async () => {
    const cluster = await started(3, {}, [3]);
    const { group, machine } = await cluster.leader();
    await write(cluster, group, 300);
    await compact(cluster, group);
    let seen = 0;
    let held: Message | null = null;
    let refusals = 0;
    cluster.onWay = (message) => {
      if (message.kind === MessageKind.snapshotReply) {
        refusals += message.status === SnapshotStatus.refused ? 1 : 0;
        return message;
      }
      if (message.kind !== MessageKind.snapshotChunk || message.bytes.length === 0) {
        return message;
      }
      seen++;
      const receiver = cluster.node(3).group;
      if (seen % 5 === 0) {
        receiver?.onMessage(message);
      }
      if (seen % 7 === 0) {
        // Held back until the next one has passed it.
        held = message;
        return null;
      }
      if (held !== null) {
        const late = held;
        held = null;
        cluster.clock.setTimer(cluster.clock.nowMs() + 3, () => receiver?.onMessage(late));
      }
      if (seen === 3) {
        // A flipped bit that no checksum on the way has seen.
        const bytes = Buffer.from(message.bytes);
        bytes[3] = (bytes[3] ?? 0) ^ 0x10;
        return { ...message, bytes };
      }
      return message;
    };
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 300);
    expect(refusals).toBe(1);
    expect(items(cluster, 3)).toEqual(machine.items);
  });

  test("S13 gets a new one when the leader's only snapshot is bad", async () => {
    const cluster = await started(3, { snapshotKeep: 1 }, [3]);
    const { group, snapshots } = await cluster.leader();
    await write(cluster, group, 60);
    const bad = await compact(cluster, group);
    snapshots?.damage(bad.id, 30);
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 60);
    expect(items(cluster, 3)).toEqual(items(cluster, 2));
  });

  test("S14 no follower's state keeps the leader from taking one", async () => {
    const cluster = await started(3, { snapshotEveryEntries: 100 }, [3]);
    const { group, machine } = await cluster.leader();
    await write(cluster, group, 150);
    await cluster.runUntil("a snapshot", () => machine.snapshotsTaken > 0);
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 150);
    cluster.isolate(3);
    await write(cluster, group, 150, "more");
    await cluster.runUntil("another", () => machine.snapshotsTaken > 1);
  });
});

describe("a transfer that is not taken", () => {
  const STATUSES = { busy: SnapshotStatus.busy, refused: SnapshotStatus.refused };

  for (const [name, status] of Object.entries(STATUSES)) {
    test(`S19 answered with ${name} ends at once and is made again`, async () => {
      const cluster = await started(3, {}, [3]);
      const { id, group } = await cluster.leader();
      await write(cluster, group, 100);
      await compact(cluster, group);
      let left = 2;
      cluster.onWay = (message) => {
        if (message.kind === MessageKind.snapshotReply && left > 0) {
          left--;
          return { ...message, status };
        }
        return message;
      };
      await cluster.start(3);
      await cluster.runUntil("the follower", () => items(cluster, 3).length === 100, 5000);
      expect(left).toBe(0);
      const progress = cluster.node(id).group?.status();
      expect(progress?.role).toBe("leader");
    });
  }

  test("S19 whose last answer is lost is known to be installed by the next ack", async () => {
    const cluster = await started(3, {}, [3]);
    const { group } = await cluster.leader();
    await write(cluster, group, 100);
    await compact(cluster, group);
    cluster.onWay = (message) =>
      message.kind === MessageKind.snapshotReply && message.status === SnapshotStatus.installed
        ? null
        : message;
    await cluster.start(3);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 100);
    await write(cluster, group, 5, "later");
    await cluster.runUntil("the log", () => items(cluster, 3).length === 105, 3000);
  });

  test("S19 whose sender is gone is taken up by the next leader", async () => {
    const cluster = await started(3, { snapshotKeep: 1 }, [3]);
    const first = await cluster.leader();
    await write(cluster, first.group, 300);
    for (const { id, group } of cluster.nodes) {
      if (id !== 3) {
        await compact(cluster, group!);
      }
    }
    let chunks = 0;
    cluster.onWay = (message) => {
      chunks += isChunk(message, 3) ? 1 : 0;
      return message;
    };
    await cluster.start(3);
    await cluster.runUntil("a part of it", () => chunks > 5);
    // With the sender gone only the other one can lead, and only with the vote of the one that installs.
    cluster.isolate(first.id);
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 300);
    cluster.heal();
    await cluster.leader();
  });

  test("S17 one host sends only so many at a time, and the others wait their turn", async () => {
    const cluster = new GroupCluster(7, SNAPSHOTS).keepSnapshots();
    cluster.slots = new SnapshotSlots(1, 3);
    await cluster.start(1, 2, 3, 4);
    const { group } = await cluster.leader();
    await write(cluster, group, 200);
    await compact(cluster, group);
    await cluster.start(5, 6, 7);
    const isDone = (id: number): boolean => items(cluster, id).length === 200;
    await cluster.runUntil("the followers", () => [5, 6, 7].every(isDone));
    expect(cluster.slots.maxSendsSeen).toBe(1);
  });

  test("S17 who waits for a snapshot to be built keeps no other transfer of its host waiting", async () => {
    const cluster = new GroupCluster(3, { ...SNAPSHOTS, snapshotKeep: 1 }).keepSnapshots();
    cluster.slots = new SnapshotSlots(1, 3);
    await cluster.start(1, 2);
    const { group, snapshots, machine } = await cluster.leader();
    await write(cluster, group, 60);
    const bad = await compact(cluster, group);
    machine.isUnwilling = true;
    snapshots?.damage(bad.id, 30);
    await cluster.start(3);
    await cluster.run(5000);
    expect(items(cluster, 3)).toEqual([]);
    // Another group of the host has one to send.
    let isGranted = false;
    cluster.slots.requestSend(() => void (isGranted = true));
    await cluster.runUntil("the slot", () => isGranted, 5000);
    machine.isUnwilling = false;
    cluster.slots.releaseSend();
    await cluster.runUntil("the follower", () => items(cluster, 3).length === 60);
  });

  test("S17 a host that receives enough already puts others off, and nothing fails", async () => {
    const cluster = new GroupCluster(7, SNAPSHOTS).keepSnapshots();
    cluster.slots = new SnapshotSlots(3, 1);
    await cluster.start(1, 2, 3, 4);
    const { group } = await cluster.leader();
    await write(cluster, group, 200);
    await compact(cluster, group);
    const answers: number[] = [];
    cluster.onWay = (message) => {
      if (message.kind === MessageKind.snapshotReply) {
        answers.push(message.status);
      }
      return message;
    };
    await cluster.start(5, 6, 7);
    const isDone = (id: number): boolean => items(cluster, id).length === 200;
    await cluster.runUntil("the followers", () => [5, 6, 7].every(isDone));
    expect(answers).toContain(SnapshotStatus.busy);
    expect(answers).not.toContain(SnapshotStatus.refused);
    expect(cluster.slots.maxSendsSeen).toBe(3);
  });
});

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

  test("a group without a store says so", async () => {
    const cluster = new GroupCluster(1);
    await cluster.start();
    const { group } = await cluster.leader();
    await expect(group.takeSnapshot()).rejects.toMatchObject({ code: "DT_RAFT_NO_SNAPSHOTS" });
  });
});
