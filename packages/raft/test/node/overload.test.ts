import { describe, expect, onTestFinished, test } from "vitest";
import { type Message, MessageKind } from "../../src/core/message.ts";
import type { Write } from "../../src/core/output.ts";
import { RaftServer } from "../../src/index.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { NO_SPACE_CODE } from "../../src/log/raft-log.ts";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import { freePorts } from "../../src/testing/free-ports.ts";
import { GroupCluster, ListMachine, Outcome } from "./group-cluster.ts";

const HEARTBEAT_MS = 300;

async function write(cluster: GroupCluster, group: RaftGroup<number>, count: number, name = "i") {
  const outcomes = Array.from({ length: count }, (_, i) => cluster.propose(group, `${name}${i}`));
  await cluster.runUntil("writes", () => outcomes.every(({ text }) => text.startsWith("result")));
}

/** Every append to `to`, as it leaves. */
function appendsTo(cluster: GroupCluster, to: number): Message[] {
  const seen: Message[] = [];
  cluster.onWay = (message) => {
    if (message.to === to && message.kind === MessageKind.append) {
      seen.push(message);
    }
    return message;
  };
  return seen;
}

function followerOf(cluster: GroupCluster, leaderId: number): number {
  return cluster.nodes.find(({ id }) => id !== leaderId)?.id ?? 0;
}

describe("one follower", () => {
  test("R20 that answers nothing for a minute costs the others nothing, and no more than its window", async () => {
    const cluster = new GroupCluster(3, { windowAppends: 8 });
    await cluster.start();
    const { id, group } = await cluster.leader();
    const silent = followerOf(cluster, id);
    let unanswered = 0;
    cluster.onWay = (message) => {
      if (message.to !== silent) {
        return message;
      }
      unanswered += message.kind === MessageKind.append && message.batches.length > 0 ? 1 : 0;
      return null;
    };
    let longestMs = 0;
    for (let second = 0; second < 60; second++) {
      const before = cluster.clock.nowMs();
      await write(cluster, group, 20, `s${second}-`);
      longestMs = Math.max(longestMs, cluster.clock.nowMs() - before);
      await cluster.run(1000);
    }
    expect(longestMs).toBeLessThan(HEARTBEAT_MS / 3);
    expect(unanswered).toBeLessThanOrEqual(8);
    expect(group.status().role).toBe("leader");
    cluster.onWay = (message) => message;
    await cluster.runUntil("the follower", () => {
      return cluster.node(silent).machine.items.length === 1200;
    });
  });

  test("R18 that was away for an hour catches up by appends of the agreed size", async () => {
    const maxAppendBytes = 2000;
    const cluster = new GroupCluster(3, { maxAppendBytes, tailBytes: 1 });
    await cluster.start();
    const { id, group } = await cluster.leader();
    const away = followerOf(cluster, id);
    cluster.isolate(away);
    for (let minute = 0; minute < 60; minute++) {
      await write(cluster, group, 20, `m${minute}-`);
      for (let second = 0; second < 60; second++) {
        cluster.clock.advance(1000);
        await Promise.resolve();
      }
    }
    const appends = appendsTo(cluster, away);
    cluster.heal();
    const before = cluster.clock.nowMs();
    await cluster.runUntil("the follower", () => {
      return cluster.node(away).machine.items.length === 1200;
    });
    expect(cluster.clock.nowMs() - before).toBeLessThan(4 * HEARTBEAT_MS + 1000);
    for (const message of appends) {
      const batches = message.kind === MessageKind.append ? message.batches : [];
      expect(batches.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(
        maxAppendBytes,
      );
    }
  });

  test("R19 that cannot write for a moment goes on within a few heartbeats when it can", async () => {
    const cluster = new GroupCluster(3, { noSpaceRetryMs: 100 });
    const full = new FullLog(cluster);
    cluster.node(3).log = full;
    await cluster.start(1, 2);
    const { group } = await cluster.leader();
    await cluster.start(3);
    await write(cluster, group, 5);
    full.isFull = true;
    await write(cluster, group, 5, "full");
    await cluster.run(2000);
    expect(cluster.node(3).group?.status().durableIndex).toBeLessThan(group.status().commitIndex);
    full.isFull = false;
    const before = cluster.clock.nowMs();
    await cluster.runUntil("the follower", () => cluster.node(3).machine.items.length === 10);
    expect(cluster.clock.nowMs() - before).toBeLessThan(5 * HEARTBEAT_MS);
    expect(cluster.node(3).group?.stopped).toBeNull();
  });

  test("N14 whose queue is full is told to the core, and fed at full rate again when it drains", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const { id, group } = await cluster.leader();
    const slow = followerOf(cluster, id);
    await write(cluster, group, 5);
    cluster.refusesTo.add(slow);
    for (let i = 0; i < 20; i++) {
      await write(cluster, group, 10, `dropped${i}-`);
    }
    cluster.refusesTo.clear();
    // After the first one it is asked no more than once in a heartbeat.
    const kinds = cluster.refused.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === MessageKind.append).length).toBeLessThan(4);
    const before = cluster.clock.nowMs();
    await cluster.runUntil("the follower", () => cluster.node(slow).machine.items.length === 205);
    expect(cluster.clock.nowMs() - before).toBeLessThanOrEqual(2 * HEARTBEAT_MS + 50);
  });

  test("R15 whose state takes ten seconds to restore goes on storing, and its leader goes on leading", async () => {
    const cluster = new GroupCluster(3, { snapshotTailEntries: 0, tailBytes: 1 }).keepSnapshots();
    await cluster.start(1, 2);
    const { id, group } = await cluster.leader();
    await write(cluster, group, 20);
    let isTaken = false;
    const taken = group.takeSnapshot().then(() => (isTaken = true));
    await cluster.runUntil("a snapshot", () => isTaken);
    await taken;
    await cluster.start(3);
    const third = cluster.node(3);
    third.machine.beforeRestore = () =>
      new Promise((resolve) => {
        cluster.clock.setTimer(cluster.clock.nowMs() + 10_000, resolve);
      });
    const { commitIndex } = group.status();
    await cluster.runUntil("the reset", () => third.log.firstIndex > 1);
    // Only the one that is being restored is left to make a majority.
    cluster.isolate(id === 1 ? 2 : 1);
    await write(cluster, group, 100, "meanwhile");
    expect(third.machine.items).toEqual([]);
    expect(third.group?.status().durableIndex).toBe(commitIndex + 100);
    expect(group.status()).toMatchObject({ role: "leader", appliedIndex: commitIndex + 100 });
    await cluster.runUntil("the state", () => third.machine.items.length === 120);
  });
});

test("R16 a state machine that throws stops its own group and no other one of the host", async () => {
  const [port = 0] = await freePorts(1);
  const members = [{ nodeId: 1, host: "127.0.0.1", port }];
  const server = new RaftServer({ clusterId: "test", nodeId: 1, members });
  onTestFinished(() => server.close(0));
  const machines = [new ListMachine(), new ListMachine()];
  const groups: RaftGroup<number>[] = [];
  for (const [i, stateMachine] of machines.entries()) {
    groups.push(await server.addGroup({ groupId: i + 1, stateMachine, log: new MemoryLog() }));
  }
  const [bad, good] = groups;
  const [badMachine] = machines;
  if (bad === undefined || good === undefined || badMachine === undefined) {
    throw new Error("two groups were added");
  }
  badMachine.poison = "poison";
  const send = (group: RaftGroup<number>, text: string): Promise<Outcome> => {
    const payload = Buffer.from(text);
    return new Promise((resolve) => {
      const outcome = new Outcome();
      group.propose(0, payload, 0, payload.length, {
        succeed: (result, index) => {
          outcome.succeed(result, index);
          resolve(outcome);
        },
        fail: (error) => {
          outcome.fail(error);
          resolve(outcome);
        },
      });
    });
  };
  while (!bad.canReadNow() || !good.canReadNow()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  expect((await send(bad, "fine")).text).toBe("result 1");
  expect((await send(bad, "poison")).text).toBe("DT_RAFT_APPLY_FAILED");
  expect((await send(bad, "late")).text).toBe("DT_RAFT_APPLY_FAILED");
  expect(badMachine.items).toEqual(["fine"]);
  expect(bad.stopped?.code).toBe("DT_RAFT_APPLY_FAILED");
  expect((await send(good, "unaffected")).text).toBe("result 1");
});

/** A log whose disk can be full. */
class FullLog extends MemoryLog {
  isFull = false;
  readonly #clock: GroupCluster["clock"];

  constructor({ clock }: GroupCluster) {
    super({ defer: (task) => clock.defer(task) });
    this.#clock = clock;
  }

  override write(change: Write, done: (error: Error | null) => void): void {
    if (this.isFull) {
      const error = Object.assign(new Error("full"), { code: NO_SPACE_CODE });
      this.#clock.defer(() => done(error));
    } else {
      super.write(change, done);
    }
  }
}
