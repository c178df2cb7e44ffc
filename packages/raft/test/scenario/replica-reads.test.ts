import { describe, expect, test } from "vitest";
import { MessageKind, type NodeId } from "../../src/core/message.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { ledByFirst, messages } from "./cluster.test.kit.ts";
import { ask, changeTo, prepare } from "./members.test.kit.ts";

const REPLIES = messages([MessageKind.readIndexReply]);

/** Nodes that do not lead ask who does; no lease shortens anything. */
const ASKING = { askLeader: true, useLease: false } as const;

describe("Q6 a read on a follower", () => {
  test("Q6 is served when the follower has applied what the leader had committed", () => {
    const cluster = ledByFirst({ host: ASKING });
    const slow = cluster.node(3);
    slow.host = { ...slow.host, applyMaxMs: 400 };
    const write = cluster.write(1);
    cluster.runUntil(() => write.outcome === "ok", 1000, "the write");
    const read = cluster.read(3);
    cluster.runUntil(() => read.outcome !== "pending", 5000, "the read");
    expect(read).toMatchObject({ outcome: "ok", value: write.id });
    expect(slow.machine.appliedIndex).toBeGreaterThanOrEqual(cluster.node(1).core.commitIndex);
    cluster.checkHistory();
  });

  test("Q6 fails, in bounded time, when the leader changes meanwhile; asked again it is served", () => {
    const cluster = ledByFirst({ host: ASKING });
    cluster.network.hold(REPLIES);
    const lost = cluster.read(3);
    cluster.run(10);
    ask(cluster, 1, { action: "transfer", to: 2 });
    cluster.runUntil(() => cluster.leader?.id === 2, 1000, "another leader");
    cluster.runUntil(() => lost.outcome !== "pending", cluster.electionMs, "the end of the read");
    expect(lost.outcome).toBe("refused");
    const late = cluster.network.take();
    cluster.network.unhold();
    cluster.write(2);
    cluster.run(10);
    const again = cluster.read(3);
    for (const message of late) {
      cluster.network.inject(message);
    }
    cluster.settle();
    expect(again.outcome).toBe("ok");
    cluster.checkHistory();
  });

  test("Q6 is asked for again when request or answer are lost, and ends within a timeout when all are", () => {
    const cluster = ledByFirst({ host: ASKING });
    cluster.network.hold(REPLIES);
    const read = cluster.read(3);
    cluster.run(10);
    expect(cluster.network.take()).toHaveLength(1);
    cluster.network.unhold();
    cluster.run(2 * cluster.options.heartbeatMs);
    expect(read.outcome).toBe("ok");
    cluster.network.hold(messages([MessageKind.readIndex]));
    const hopeless = cluster.read(3);
    cluster.run(1.2 * cluster.electionMs);
    expect(hopeless.outcome).toBe("refused");
  });

  test("Q6 of an earlier run of the follower is not answered by a late answer to it", () => {
    const cluster = ledByFirst({ host: ASKING });
    cluster.network.hold(REPLIES);
    cluster.read(3);
    cluster.run(10);
    const late = cluster.network.take();
    cluster.node(3).crash();
    cluster.node(3).start();
    cluster.runUntil(() => cluster.node(3).core.leaderId === 1, 1000, "word of the leader");
    const write = cluster.write(1);
    cluster.run(10);
    expect(write.outcome).toBe("ok");
    const read = cluster.read(3);
    cluster.run(1);
    for (const message of late) {
      cluster.network.inject(message);
    }
    cluster.network.unhold();
    cluster.settle();
    expect(read.value).toBe(write.id);
    cluster.checkHistory();
  });
});

test("Q7 an observer serves reads and does not confirm them", () => {
  const options = { seed: 1, nodeCount: 4, voters: [1, 2, 3], observers: [4] };
  const cluster = new SimCluster({ ...options, host: ASKING, core: { leaseReads: false } });
  cluster.electLeader(1);
  cluster.settle();
  const write = cluster.write(1);
  cluster.run(10);
  const read = cluster.read(4);
  cluster.run(50);
  expect(read).toMatchObject({ outcome: "ok", value: write.id });
  cluster.network.cut([1], [2, 3]);
  const unconfirmed = [cluster.read(1), cluster.read(4)];
  cluster.run(cluster.electionMs / 2);
  expect(unconfirmed.map(({ outcome }) => outcome)).toEqual(["pending", "pending"]);
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(unconfirmed.map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
});

test("Q8 in a joint configuration a read takes a majority of both halves", () => {
  const [a, b, c, d, e] = [1, 2, 3, 4, 5] as const;
  const cluster = new SimCluster({ seed: 1, nodeCount: 5, voters: [a, b, c], host: ASKING });
  cluster.electLeader(c);
  cluster.settle();
  changeTo(cluster, [a, b, c], [d, e]);
  cluster.settle();
  ask(cluster, c, prepare(cluster, c, [c, d, e], [], { leavesByItself: false }));
  cluster.settle();
  cluster.network.cut([c], [d, e]);
  const read = cluster.read(c);
  cluster.run(cluster.electionMs / 2);
  expect(read.outcome).toBe("pending");
  cluster.network.heal();
  cluster.network.cut([c], [e]);
  cluster.run(cluster.electionMs / 2);
  expect(read.outcome).toBe("ok");
});

describe("a lease", () => {
  test("Q11 ends the moment the successor is told, and does not come back in the term", () => {
    const cluster = ledByFirst();
    cluster.run(cluster.electionMs);
    const { core, clock } = cluster.node(1);
    expect(core.leaseUntilMs()).toBeGreaterThan(clock.nowMs());
    cluster.network.hold(messages([MessageKind.timeoutNow]));
    ask(cluster, 1, { action: "transfer", to: 2 });
    cluster.runUntil(() => cluster.network.held.length > 0, 1000, "the word");
    expect(core.leaseUntilMs()).toBe(0);
    cluster.run(5 * cluster.electionMs);
    expect(core).toMatchObject({ transferTo: 0, leaderId: 1 });
    expect(core.leaseUntilMs()).toBe(0);
    // Reads go on, each with a round of heartbeats.
    const { leaseReads } = cluster.node(1).counts;
    const read = cluster.read(1);
    cluster.run(50);
    expect(read.outcome).toBe("ok");
    expect(cluster.node(1).counts.leaseReads).toBe(leaseReads);
  });

  test("Q12 is gone with the process that held it", () => {
    const cluster = ledByFirst();
    cluster.run(cluster.electionMs);
    cluster.node(1).crash();
    cluster.node(1).start();
    expect(cluster.node(1).core.leaseUntilMs()).toBe(0);
    const early = cluster.read(1);
    cluster.run(10);
    expect(early.outcome).toBe("refused");
    const leader = cluster.runUntilLeader();
    cluster.run(cluster.options.heartbeatMs * 2);
    expect(leader.core.leaseUntilMs()).toBeGreaterThan(leader.clock.nowMs());
  });

  test("Q13 is judged by the clock of the moment: after a stall the read takes a round", () => {
    const cluster = ledByFirst();
    cluster.run(cluster.electionMs);
    const leader = cluster.node(1);
    const { leaseReads } = leader.counts;
    leader.pause();
    const read = cluster.read(1);
    cluster.run(2 * cluster.electionMs);
    leader.resume();
    cluster.run(5);
    expect(leader.counts.leaseReads).toBe(leaseReads);
    cluster.run(3 * cluster.electionMs);
    expect(["ok", "refused"]).toContain(read.outcome);
    cluster.settle();
    cluster.checkHistory();
  });

  test("Q13 is not used at all when the options say so", () => {
    const cluster = ledByFirst({ core: { leaseReads: false } });
    cluster.run(cluster.electionMs);
    expect(cluster.node(1).core.leaseUntilMs()).toBe(0);
    const read = cluster.read(1);
    cluster.run(50);
    expect(read.outcome).toBe("ok");
    expect(cluster.node(1).counts.leaseReads).toBe(0);
  });
});

test("Q14 what was acknowledged is seen on every follower, however slow its link", () => {
  const cluster = ledByFirst({ host: ASKING });
  cluster.network.setLink(1, 3, { delayMinMs: 300, delayMaxMs: 400 });
  for (let i = 0; i < 10; i++) {
    const write = cluster.write(1);
    cluster.runUntil(() => write.outcome === "ok", 1000, "the write");
    const reads = [cluster.read(2), cluster.read(3)];
    cluster.runUntil(() => reads.every(({ outcome }) => outcome !== "pending"), 5000, "the reads");
    for (const read of reads) {
      expect(read.outcome === "refused" || read.value === write.id).toBe(true);
    }
    expect(reads[0]?.outcome).toBe("ok");
  }
  cluster.checkHistory();
});

test("Q15 a stale read says how old it is: a follower that is cut off grows older, then young again", () => {
  const cluster = ledByFirst();
  cluster.write(1);
  cluster.run(cluster.electionMs);
  const ageOf = (id: NodeId): number => {
    const { core, clock } = cluster.node(id);
    return clock.nowMs() - core.freshMs(clock.nowMs());
  };
  expect(ageOf(3)).toBeLessThan(2 * cluster.options.heartbeatMs);
  expect(ageOf(1)).toBeLessThan(2 * cluster.options.heartbeatMs);
  cluster.network.cut([3], [1, 2]);
  cluster.write(1);
  cluster.run(10_000);
  expect(ageOf(3)).toBeGreaterThanOrEqual(10_000);
  expect(ageOf(3)).toBeLessThan(10_000 + 2 * cluster.options.heartbeatMs);
  cluster.network.heal();
  cluster.settle();
  cluster.run(2 * cluster.options.heartbeatMs);
  expect(ageOf(3)).toBeLessThan(2 * cluster.options.heartbeatMs);
  expect(cluster.node(3).core.appliedIndex).toBe(cluster.node(1).core.commitIndex);
});

test("Q15 a follower that hears its leader and gets no entries grows older", () => {
  const cluster = ledByFirst();
  cluster.write(1);
  cluster.run(cluster.electionMs);
  cluster.network.hold(messages([MessageKind.append], 1, 3));
  const { core, clock } = cluster.node(3);
  const write = cluster.write(1);
  cluster.runUntil(() => write.outcome === "ok", 1000, "the write");
  const wroteMs = clock.nowMs();
  cluster.run(2 * cluster.electionMs);
  expect(core.leaderId).toBe(1);
  expect(core.appliedIndex).toBeLessThan(cluster.node(1).core.commitIndex);
  expect(core.freshMs(clock.nowMs())).toBeLessThanOrEqual(wroteMs);
  cluster.network.unhold();
  cluster.settle();
  cluster.run(2 * cluster.options.heartbeatMs);
  expect(core.freshMs(clock.nowMs())).toBeGreaterThan(wroteMs + 2 * cluster.electionMs);
});
