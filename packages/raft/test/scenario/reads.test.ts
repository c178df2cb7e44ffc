import { expect, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { APPEND_REPLIES, ledByFirst, messages } from "./cluster.test.kit.ts";

const WITHOUT_LEASE = { useLease: false, shareReads: false };

test("Q1 a new leader answers reads only when it has committed in its own term", () => {
  const cluster = ledByFirst({ host: WITHOUT_LEASE });
  const { network } = cluster;
  // The others store the last write and do not learn that it is committed.
  const tellsCommit = messages([MessageKind.heartbeat], 1);
  network.hold(tellsCommit);
  const write = cluster.write(1);
  cluster.runUntil(() => write.outcome === "ok", 100, "the write");
  cluster.script(() => cluster.node(1).stop());
  network.hold(messages(APPEND_REPLIES));
  network.take();
  cluster.runUntil(() => cluster.leader !== null, 5 * cluster.electionMs, "another leader");
  const next = cluster.leader!;
  expect(next.core.commitIndex).toBeLessThan(write.index);
  const early = cluster.read(next.id);
  cluster.run(3 * cluster.options.heartbeatMs);
  expect(early.outcome).toBe("pending");
  network.unhold();
  network.deliverHeld();
  cluster.runUntil(() => early.outcome !== "pending", cluster.electionMs, "the read");
  expect(early).toMatchObject({ outcome: "ok", value: write.id });
  expect(early.index).toBeGreaterThanOrEqual(write.index);
});

test.each([
  ["that steps down", true, 3, [1]],
  ["that goes on leading", false, 3, [1]],
  ["that goes on leading one follower", false, 5, [1, 2]],
])("Q2 a leader %s answers no read when it is cut off from a quorum", (...parameters) => {
  const [, checkQuorum, nodeCount, side] = parameters;
  const cluster = ledByFirst({ nodeCount, host: WITHOUT_LEASE, core: { checkQuorum } });
  const before = cluster.write(1);
  cluster.settle();
  expect(before.outcome).toBe("ok");
  const others = cluster.nodes.map(({ id }) => id).filter((id) => !side.includes(id));
  cluster.network.cut(side, others);
  const reads = [cluster.read(1)];
  while (cluster.leader === null || cluster.leader.id === 1) {
    cluster.run(cluster.options.heartbeatMs);
    reads.push(cluster.read(1));
  }
  const write = cluster.write(cluster.leader.id);
  cluster.run(cluster.options.heartbeatMs);
  expect(write.outcome).toBe("ok");
  expect(cluster.node(1).leads).toBe(!checkQuorum);
  reads.push(cluster.read(1));
  cluster.run(2 * cluster.electionMs);
  for (const { outcome } of reads) {
    expect(outcome).not.toBe("ok");
  }
  cluster.network.heal();
  const late = cluster.read(cluster.settle().id);
  cluster.settle();
  expect(late).toMatchObject({ outcome: "ok", value: write.id });
  expect(reads.some(({ outcome }) => outcome === "ok")).toBe(false);
  cluster.checkHistory();
});

test("Q5 one round of heartbeats confirms a thousand reads", () => {
  const cluster = ledByFirst({ host: { ...WITHOUT_LEASE, tickMs: 50 } });
  const sent = cluster.network.record();
  const rounds = cluster.node(1).counts.confirmedReads;
  const reads = Array.from({ length: 1000 }, () => cluster.read(1));
  cluster.run(20);
  expect(reads.every(({ outcome }) => outcome === "ok")).toBe(true);
  expect(cluster.node(1).counts.confirmedReads - rounds).toBe(1000);
  expect(sent.filter(messages([MessageKind.heartbeat])).length).toBe(2);
});

test("Q5 a later round confirms earlier reads too", () => {
  const cluster = ledByFirst({ host: WITHOUT_LEASE });
  const { network } = cluster;
  const replies = messages([MessageKind.heartbeatReply, MessageKind.appendReply]);
  network.hold(replies);
  const first = cluster.read(1);
  cluster.run(20);
  network.take();
  const second = cluster.read(1);
  cluster.run(20);
  expect([first.outcome, second.outcome]).toEqual(["pending", "pending"]);
  expect(network.deliverHeld()).toBe(2);
  cluster.run(0);
  expect([first.outcome, second.outcome]).toEqual(["ok", "ok"]);
});
