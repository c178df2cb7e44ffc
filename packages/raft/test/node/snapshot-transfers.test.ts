import { describe, expect, test } from "vitest";
import { MessageKind, SnapshotStatus } from "../../src/core/message.ts";
import { SnapshotSlots } from "../../src/node/snapshots/snapshot-slots.ts";
import { GroupCluster } from "./group-cluster.ts";
import { compact, isChunk, items, SNAPSHOTS, started, write } from "./snapshot-cluster.test.kit.ts";

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
