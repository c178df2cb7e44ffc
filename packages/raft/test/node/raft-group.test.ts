import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { Write } from "../../src/core/output.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { NO_SPACE_CODE } from "../../src/log/raft-log.ts";
import type { RaftLog } from "../../src/log/raft-log.ts";
import { GroupCluster } from "./group-cluster.ts";
import type { Outcome } from "./group-cluster.ts";

/** A memory log whose writes with entries fail while `error` is set. */
class FailingLog extends MemoryLog {
  error: Error | null = null;
  readonly #clock: GroupCluster["clock"];

  constructor(clock: GroupCluster["clock"]) {
    super({ defer: (task) => clock.defer(task) });
    this.#clock = clock;
  }

  override write(write: Write, done: (error: Error | null) => void): void {
    const { error } = this;
    if (error !== null && write.batches.length > 0) {
      this.#clock.defer(() => done(error));
    } else {
      super.write(write, done);
    }
  }
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function texts(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((outcome) => outcome.text);
}

describe("raft group", () => {
  test("a write is applied on every node and its result goes to who proposed it", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const leader = await cluster.leader();
    const outcomes = ["a", "b", "c"].map((text) => cluster.propose(leader.group, text));
    await cluster.runUntil("three answers", () => !texts(outcomes).includes("waits"));
    assert.deepEqual(texts(outcomes), ["result 1", "result 2", "result 3"]);
    assert.equal((outcomes[2]?.index ?? 0) - (outcomes[0]?.index ?? 0), 2);
    await cluster.runUntil("all nodes have applied", () =>
      cluster.nodes.every(({ machine }) => machine.items.join() === "a,b,c"),
    );
  });

  test("a single voter needs nobody", async () => {
    const cluster = new GroupCluster(1);
    await cluster.start();
    const leader = await cluster.leader();
    const outcome = cluster.propose(leader.group, "alone");
    await cluster.runUntil("the answer", () => outcome.text === "result 1");
    assert.ok(leader.group.canReadNow());
  });

  test("a node that does not lead refuses at once and names the leader", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const leader = await cluster.leader();
    await cluster.run(500);
    const follower = cluster.nodes.find(({ id }) => id !== leader.id)?.group;
    assert.ok(follower);
    for (const outcome of [cluster.propose(follower, "x"), cluster.read(follower)]) {
      assert.equal(outcome.text, "DT_RAFT_NOT_LEADER");
      assert.equal(outcome.error?.mayHaveExecuted, false);
      assert.deepEqual(outcome.error?.fault, {
        code: "DT_RAFT_NOT_LEADER",
        leader: { nodeId: leader.id, host: `host${leader.id}`, port: 7000 + leader.id },
      });
    }
    assert.equal(follower.canReadNow(), false);
  });

  test("writes of a leader that is cut off are never acknowledged, and end as unknown", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const old = await cluster.leader();
    cluster.isolate(old.id);
    const lost = cluster.propose(old.group, "lost");
    await cluster.runUntil("the old leader stepped down", () => lost.text !== "waits");
    assert.equal(lost.text, "DT_RAFT_LEADERSHIP_LOST");
    assert.equal(lost.error?.mayHaveExecuted, true);
    const next = await cluster.leader();
    assert.notEqual(next.id, old.id);
    const kept = cluster.propose(next.group, "kept");
    await cluster.runUntil("the new leader's answer", () => kept.text === "result 1");
    cluster.heal();
    await cluster.runUntil("all logs agree", () =>
      cluster.nodes.every(({ machine }) => machine.items.join() === "kept"),
    );
  });

  test("a lease ends by the clock when the leader is cut off, before anyone else can lead", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const leader = await cluster.leader();
    cluster.isolate(leader.id);
    await cluster.runUntil("the lease is over", () => !leader.group.canReadNow());
    assert.ok(
      cluster.nodes.every((node) => node.id === leader.id || !node.group?.canReadNow()),
      "nobody else leads yet",
    );
    const read = cluster.read(leader.group);
    await cluster.runUntil("the read ends", () => read.text !== "waits");
    assert.equal(read.text, "DT_RAFT_NOT_LEADER");
  });

  test("without a lease a read is confirmed by a round of heartbeats", async () => {
    const cluster = new GroupCluster(3, { checkQuorum: false });
    await cluster.start();
    let leader: GroupCluster["nodes"][number] | undefined;
    await cluster.runUntil("a leader", () => {
      leader = cluster.nodes.find(({ group }) => group?.status().role === "leader");
      return leader !== undefined;
    });
    await cluster.run(100);
    assert.ok(leader?.group);
    assert.equal(leader.group.canReadNow(), false);
    const read = cluster.read(leader.group);
    await cluster.runUntil("the read is confirmed", () => read.text === "ready", 100);
  });

  test("more than the limit is refused, without being executed", async () => {
    const cluster = new GroupCluster(3, {
      maxPendingProposals: 5,
      maxEntryBytes: 100,
      maxPendingReads: 2,
    });
    await cluster.start();
    const leader = await cluster.leader();
    cluster.isolate(leader.id);
    const writes = Array.from({ length: 7 }, (_, i) => cluster.propose(leader.group, `${i}`));
    assert.deepEqual(
      texts(writes).map((text) => text === "waits"),
      [true, true, true, true, true, false, false],
    );
    assert.equal(writes[6]?.text, "DT_RAFT_PROPOSALS_FULL");
    assert.equal(writes[6]?.error?.mayHaveExecuted, false);
    const reads = [1, 2, 3].map(() => cluster.read(leader.group));
    assert.equal(reads[2]?.text, "DT_RAFT_READS_FULL");
    const other = new GroupCluster(1, { maxEntryBytes: 100 });
    await other.start();
    const single = await other.leader();
    assert.equal(other.propose(single.group, "x".repeat(101)).text, "DT_RAFT_ENTRY_TOO_LARGE");
    const fits = other.propose(single.group, "x".repeat(100));
    await other.runUntil("the largest entry", () => fits.text === "result 1");
  });

  test("R16 a state machine that throws stops its group before the next index", async () => {
    const cluster = new GroupCluster(1);
    await cluster.start();
    const leader = await cluster.leader();
    leader.machine.poison = "bad";
    const good = cluster.propose(leader.group, "good");
    await cluster.runUntil("the good one", () => good.text === "result 1");
    const bad = cluster.propose(leader.group, "bad");
    const after = cluster.propose(leader.group, "after");
    await cluster.runUntil("the group stopped", () => leader.group.stopped !== null);
    assert.deepEqual(texts([bad, after]), ["DT_RAFT_APPLY_FAILED", "DT_RAFT_APPLY_FAILED"]);
    assert.ok(bad.error?.mayHaveExecuted);
    assert.equal(leader.group.status().stoppedCode, "DT_RAFT_APPLY_FAILED");
    assert.match(String(bad.error?.cause), /poisoned by bad/);
    assert.deepEqual(leader.machine.items, ["good"]);
    assert.equal(leader.group.canReadNow(), false);
    assert.equal(cluster.propose(leader.group, "late").text, "DT_RAFT_APPLY_FAILED");
  });

  test("a restarted node applies its log again", async () => {
    const cluster = new GroupCluster(1, { tailBytes: 1 });
    await cluster.start();
    const leader = await cluster.leader();
    const written = Array.from({ length: 200 }, (_, i) => `entry ${i}`);
    const outcomes = written.map((text) => cluster.propose(leader.group, text));
    await cluster.runUntil("all answers", () => !texts(outcomes).includes("waits"));
    await cluster.stop(1);
    await cluster.start(1);
    await cluster.leader();
    assert.deepEqual(cluster.node(1).machine.items, written);
  });

  test("a follower that missed more than memory holds catches up from the log", async () => {
    const cluster = new GroupCluster(3, { tailBytes: 1, maxAppendBytes: 500 });
    await cluster.start();
    const leader = await cluster.leader();
    const away = leader.id === 3 ? 2 : 3;
    cluster.isolate(away);
    const written = Array.from({ length: 300 }, (_, i) => `entry ${i}`);
    for (const text of written) {
      const outcome = cluster.propose(leader.group, text);
      await cluster.runUntil("an answer", () => outcome.text !== "waits");
    }
    cluster.heal();
    await cluster.runUntil(
      "the follower has everything",
      () => cluster.node(away).machine.items.length === written.length,
    );
    assert.deepEqual(cluster.node(away).machine.items, written);
  });

  test("a poisoned log stops the group and leaves what waited unknown", async () => {
    const cluster = new GroupCluster(1);
    const log = new FailingLog(cluster.clock);
    cluster.node(1).log = log;
    await cluster.start();
    const leader = await cluster.leader();
    log.error = withCode("DT_LOG_POISONED");
    const outcome = cluster.propose(leader.group, "x");
    await cluster.runUntil("the group stopped", () => leader.group.stopped !== null);
    assert.equal(outcome.text, "DT_RAFT_LOG_FAILED");
    assert.equal(outcome.error?.mayHaveExecuted, true);
    assert.equal(outcome.error?.cause, log.error);
  });

  test("a full disk refuses writes, and service resumes when space returns", async () => {
    const cluster = new GroupCluster(1);
    const log: FailingLog & RaftLog = new FailingLog(cluster.clock);
    cluster.node(1).log = log;
    await cluster.start();
    const leader = await cluster.leader();
    const before = cluster.propose(leader.group, "before");
    await cluster.runUntil("the first answer", () => before.text === "result 1");
    log.error = withCode(NO_SPACE_CODE);
    const taken = cluster.propose(leader.group, "taken");
    await cluster.runUntil("the refusal", () => taken.text !== "waits");
    assert.equal(taken.text, "DT_RAFT_NO_SPACE");
    assert.equal(taken.error?.mayHaveExecuted, true);
    const refused = cluster.propose(leader.group, "refused");
    assert.equal(refused.text, "DT_RAFT_NO_SPACE");
    assert.equal(refused.error?.mayHaveExecuted, false);
    assert.ok(leader.group.canReadNow(), "reads go on");
    log.error = null;
    await cluster.runUntil("the disk is tried again", () => leader.machine.items.length === 2);
    const after = cluster.propose(leader.group, "after");
    await cluster.runUntil("an answer", () => after.text === "result 3");
    assert.deepEqual(leader.machine.items, ["before", "taken", "after"]);
  });

  test("close fails what waits and everything after, and can be called twice", async () => {
    const cluster = new GroupCluster(3);
    await cluster.start();
    const leader = await cluster.leader();
    cluster.isolate(leader.id);
    const waiting = cluster.propose(leader.group, "x");
    await cluster.run(20);
    const closing = Promise.all([leader.group.close(), leader.group.close()]);
    assert.equal(waiting.text, "DT_RAFT_GROUP_STOPPED");
    assert.equal(waiting.error?.mayHaveExecuted, true);
    const late = cluster.propose(leader.group, "y");
    assert.equal(late.text, "DT_RAFT_GROUP_STOPPED");
    assert.equal(late.error?.mayHaveExecuted, false);
    await cluster.run(20);
    await closing;
  });
});
