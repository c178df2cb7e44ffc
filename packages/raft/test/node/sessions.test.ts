import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { singleEntry } from "../../src/entry/batch-builder.ts";
import { EntryType } from "../../src/entry/record.ts";
import type { SessionKey } from "../../src/entry/session-prefix.ts";
import type { GroupOptions } from "../../src/node/group-options.ts";
import type { RaftGroup } from "../../src/node/raft-group.ts";
import { SimRandom } from "../../src/testing/index.ts";
import { GroupCluster, type Outcome } from "./group-cluster.ts";

async function started(size = 3, options: GroupOptions = {}): Promise<GroupCluster> {
  const cluster = new GroupCluster(size, options).keepSnapshots();
  await cluster.start();
  return cluster;
}

async function end(cluster: GroupCluster, outcome: Outcome): Promise<string> {
  await cluster.runUntil("an answer", () => outcome.text !== "waits");
  return outcome.text;
}

async function open(
  cluster: GroupCluster,
  group: RaftGroup<number>,
  owner = 1n,
): Promise<SessionKey> {
  const outcome = cluster.openSession(group, owner);
  await end(cluster, outcome);
  assert.ok(outcome.key);
  return outcome.key;
}

const id = (key: SessionKey, sequence: number, answered = 1) => ({ ...key, sequence, answered });

describe("a call in a session", () => {
  test("X1 that is repeated under another leader is applied once and gets its first result", async () => {
    const cluster = await started();
    const first = await cluster.leader();
    const session = await open(cluster, first.group);
    await end(cluster, cluster.propose(first.group, "other"));
    expect(await end(cluster, cluster.call(first.group, id(session, 1), "once"))).toBe("result 2");
    cluster.isolate(first.id);
    const second = await cluster.runUntilOther(first.id);
    await end(cluster, cluster.propose(second.group, "another"));
    expect(await end(cluster, cluster.call(second.group, id(session, 1), "once"))).toBe("result 2");
    expect(second.machine.items).toEqual(["other", "once", "another"]);
  });

  test("X1 whose first try was cut off is applied once, whichever try gets through", async () => {
    const cluster = await started();
    const first = await cluster.leader();
    const session = await open(cluster, first.group);
    cluster.isolate(first.id);
    const lost = cluster.call(first.group, id(session, 1), "once");
    const second = await cluster.runUntilOther(first.id);
    expect(await end(cluster, cluster.call(second.group, id(session, 1), "once"))).toBe("result 1");
    cluster.heal();
    expect(await end(cluster, lost)).toBe("DT_RAFT_LEADERSHIP_LOST");
    await cluster.run(2000);
    for (const { machine } of cluster.nodes) {
      expect(machine.items).toEqual(["once"]);
    }
  });

  test("has one entry: a second one of the same handler is refused, not taken for the first", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    const session = await open(cluster, group);
    const outcomes: Outcome[] = [];
    const both = (): void => {
      outcomes.push(cluster.propose(group, "a"), cluster.propose(group, "b"));
    };
    group.inSession(id(session, 1), both, { fail: () => {} });
    expect(await end(cluster, outcomes[0]!)).toBe("result 1");
    expect(await end(cluster, outcomes[1]!)).toBe("DT_RAFT_SESSION_SEQUENCE");
    expect(await end(cluster, cluster.call(group, id(session, 2), "c"))).toBe("result 2");
    expect(machine.items).toEqual(["a", "c"]);
  });

  test("twice in one turn is applied once, beside calls without a session", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    const session = await open(cluster, group);
    const outcomes = [
      cluster.propose(group, "a"),
      cluster.call(group, id(session, 1), "b"),
      cluster.call(group, id(session, 1), "b"),
      cluster.propose(group, "c"),
      cluster.call(group, id(session, 2), "d"),
      cluster.call(group, id(session, 1), "b"),
    ];
    for (const outcome of outcomes) {
      await end(cluster, outcome);
    }
    const texts = outcomes.map(({ text }) => text);
    expect(texts).toEqual([1, 2, 2, 3, 4, 2].map((n) => `result ${n}`));
    expect(machine.items).toEqual(["a", "b", "c", "d"]);
  });

  test("X4 out of order is applied in the order of arrival", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    const session = await open(cluster, group);
    const second = cluster.call(group, id(session, 2), "second");
    const first = cluster.call(group, id(session, 1), "first");
    expect([await end(cluster, second), await end(cluster, first)]).toEqual([
      "result 1",
      "result 2",
    ]);
    const far = cluster.call(group, id(session, 5000), "far");
    expect(await end(cluster, far)).toBe("DT_RAFT_SESSION_SEQUENCE");
    expect(machine.items).toEqual(["second", "first"]);
  });

  test("X2 of a session that is not known is refused and not applied", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    const unknown = cluster.call(group, id({ session: 12_345, secret: 1n }, 1), "lost");
    expect(await end(cluster, unknown)).toBe("DT_RAFT_SESSION_EXPIRED");
    expect(unknown.error?.mayHaveExecuted).toBe(false);
    expect(machine.items).toEqual([]);
  });

  test("X2 of a session that expired is refused by every member alike", async () => {
    const cluster = await started();
    const { group, machine } = await cluster.leader();
    const session = await open(cluster, group);
    await end(cluster, cluster.call(group, id(session, 1), "kept"));
    // An hour later by the leader's clock, which is what the log is stamped with.
    for (let minute = 0; minute < 61; minute++) {
      await cluster.run(200);
      cluster.clock.advance(60_000 - 200);
    }
    const again = await cluster.leader();
    const late = cluster.call(again.group, id(session, 1), "kept");
    expect(await end(cluster, late)).toBe("DT_RAFT_SESSION_EXPIRED");
    expect(machine.items).toEqual(["kept"]);
  });
});

describe("a call in somebody else's session", () => {
  test("is refused by the leader before it is proposed, and the session is unhurt", async () => {
    const cluster = await started(1);
    const { group, machine } = await cluster.leader();
    const mine = await open(cluster, group);
    expect(await end(cluster, cluster.call(group, id(mine, 1), "mine"))).toBe("result 1");
    const { lastIndex } = group.status();
    for (const secret of [0n, mine.secret ^ 1n, mine.secret ^ (1n << 63n)]) {
      const theirs = { session: mine.session, secret };
      for (const [sequence, answered] of [
        [1, 1],
        [2, 1],
        [900, 900],
      ] as const) {
        const stolen = cluster.call(group, id(theirs, sequence, answered), "theirs");
        expect(stolen.text).toBe("DT_RAFT_SESSION_EXPIRED");
        expect(stolen.error?.mayHaveExecuted).toBe(false);
      }
    }
    // Nobody learns which sessions there are.
    const none = cluster.call(group, id({ session: mine.session - 1, secret: 1n }, 1), "theirs");
    expect(none.text).toBe("DT_RAFT_SESSION_EXPIRED");
    expect(group.status().lastIndex).toBe(lastIndex);
    expect(await end(cluster, cluster.call(group, id(mine, 1), "mine"))).toBe("result 1");
    expect(await end(cluster, cluster.call(group, id(mine, 2), "next"))).toBe("result 2");
    expect(machine.items).toEqual(["mine", "next"]);
  });

  test("is refused by every member that applies it", async () => {
    const cluster = await started();
    const { group } = await cluster.leader();
    const opening = cluster.openSession(group);
    // Its index is the next one; the leader has not applied it yet, so it cannot tell.
    const guessed = { session: group.status().lastIndex + 1, secret: 1n };
    const stolen = cluster.call(group, id(guessed, 1), "theirs");
    expect([opening.text, stolen.text]).toEqual(["waits", "waits"]);
    expect(await end(cluster, stolen)).toBe("DT_RAFT_SESSION_EXPIRED");
    expect(opening.key?.session).toBe(guessed.session);
    assert.ok(opening.key);
    expect(await end(cluster, cluster.call(group, id(opening.key, 1), "mine"))).toBe("result 1");
    await cluster.run(1000);
    expect(cluster.nodes.map(({ machine }) => machine.items)).toEqual([
      ["mine"],
      ["mine"],
      ["mine"],
    ]);
  });

  test("is refused after a restart from a snapshot", async () => {
    const cluster = await started(1, { snapshotTailEntries: 0, tailBytes: 1 });
    const { group } = await cluster.leader();
    const mine = await open(cluster, group);
    expect(await end(cluster, cluster.call(group, id(mine, 1), "mine"))).toBe("result 1");
    let isTaken = false;
    const taken = group.takeSnapshot().then(() => (isTaken = true));
    await cluster.runUntil("a snapshot", () => isTaken);
    await taken;
    await cluster.stop(1);
    await cluster.start(1);
    const again = await cluster.leader();
    expect(again.log.firstIndex).toBeGreaterThan(mine.session);
    const theirs = { session: mine.session, secret: mine.secret ^ 1n };
    const stolen = cluster.call(again.group, id(theirs, 1), "theirs");
    expect(await end(cluster, stolen)).toBe("DT_RAFT_SESSION_EXPIRED");
    expect(await end(cluster, cluster.call(again.group, id(mine, 1), "mine"))).toBe("result 1");
  });
});

test("an owner that opens sessions without end takes none from others", async () => {
  const cluster = await started(1);
  const { group } = await cluster.leader();
  const mine = await open(cluster, group, 1n);
  const theirs = await open(cluster, group, 2n);
  const openings = Array.from({ length: 10_000 }, () => cluster.openSession(group, 2n));
  await cluster.runUntil("sessions", () => openings.every(({ key }) => key !== null));
  expect(await end(cluster, cluster.call(group, id(theirs, 1), "x"))).toBe(
    "DT_RAFT_SESSION_EXPIRED",
  );
  expect(await end(cluster, cluster.call(group, id(mine, 1), "mine"))).toBe("result 1");
});

test("a session entry of another version stops the group before it is passed over", async () => {
  const cluster = await started(1);
  const first = await cluster.leader();
  await end(cluster, cluster.propose(first.group, "kept"));
  await cluster.stop(1);
  const { log } = first;
  const { hardState, lastIndex, lastChain } = await log.open();
  // Version 1 began with the session's id.
  const entry = singleEntry(
    EntryType.session,
    Buffer.alloc(24),
    lastIndex + 1,
    hardState.term,
    1,
    lastChain,
  );
  const io = { term: hardState.term, sequence: 0 };
  let isStored = false;
  const write = { io, hardState, truncateFrom: 0, reset: null, batches: [entry] };
  log.write(write, () => (isStored = true));
  await cluster.runUntil("the entry", () => isStored);
  await log.close();
  await cluster.start(1);
  const { group } = cluster.node(1);
  await cluster.runUntil("the end", () => group?.stopped !== null);
  expect(group?.stopped).toMatchObject({
    code: "DT_RAFT_APPLY_FAILED",
    fault: { index: lastIndex + 1 },
    cause: expect.objectContaining({ message: expect.stringContaining("another version") }),
  });
});

test("X1 every call of clients that repeat until they are answered is applied once, whoever leads", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new SimRandom(seed);
    const cluster = await started(3, { snapshotEveryEntries: 7, snapshotTailEntries: 0 });
    const first = await cluster.leader();
    const session = await open(cluster, first.group);
    const results: string[] = [];
    for (let sequence = 1; sequence <= 30; sequence++) {
      let answer = "";
      while (!answer.startsWith("result")) {
        const leader = await cluster.leader();
        const outcome = cluster.call(leader.group, id(session, sequence), `call ${sequence}`);
        if (random.chance(0.3)) {
          // The leader is cut off before, while or after the entry reaches the others.
          await cluster.run(random.pick([0, 10, 20]));
          cluster.isolate(leader.id);
          await cluster.run(4000);
          cluster.heal();
        }
        // An answer that is lost, or is not, on its way to the client.
        answer = random.chance(0.3) ? "lost" : await end(cluster, outcome);
      }
      results.push(answer);
    }
    await cluster.run(3000);
    const expected = Array.from({ length: 30 }, (_, i) => i + 1);
    expect(results).toEqual(expected.map((n) => `result ${n}`));
    for (const { machine } of cluster.nodes) {
      expect(machine.items).toEqual(expected.map((n) => `call ${n}`));
    }
  }
});

describe("sessions", () => {
  test("X3 are in snapshots: a member restored from one answers repeated calls alike", async () => {
    const cluster = await started(3, { snapshotTailEntries: 0, tailBytes: 1 });
    const first = await cluster.leader();
    const session = await open(cluster, first.group);
    await end(cluster, cluster.call(first.group, id(session, 1), "once"));
    for (const { group } of cluster.nodes) {
      let isTaken = false;
      const taken = group!.takeSnapshot().then(() => (isTaken = true));
      await cluster.runUntil("a snapshot", () => isTaken);
      await taken;
    }
    for (const { id: node } of cluster.nodes) {
      await cluster.stop(node);
    }
    await cluster.start();
    const { group, machine, log } = await cluster.leader();
    expect(log.firstIndex).toBeGreaterThan(session.session);
    expect(await end(cluster, cluster.call(group, id(session, 1), "once"))).toBe("result 1");
    expect(await end(cluster, cluster.call(group, id(session, 2), "next"))).toBe("result 2");
    expect(machine.items).toEqual(["once", "next"]);
  });

  test("need a state machine that keeps results", async () => {
    const cluster = await started(1);
    const { group } = await cluster.leader();
    const machine = cluster.node(1).machine as { encodeResult?: unknown };
    expect(machine.encodeResult).toBeDefined();
    await cluster.stop(1);
    cluster.makesResults = false;
    await cluster.start(1);
    const again = await cluster.leader();
    const refused = cluster.openSession(again.group);
    expect(refused.text).toBe("DT_RAFT_NO_SESSIONS");
    expect(group.stopped?.code).toBe("DT_RAFT_GROUP_STOPPED");
  });
});
