import { describe, expect, test } from "vitest";
import { type Message, MessageKind, SnapshotStatus } from "../../src/core/message.ts";
import { compact, isChunk, items, started, write } from "./snapshot-cluster.test.kit.ts";

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
