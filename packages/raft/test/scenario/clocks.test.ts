import { describe, expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { ledByFirst, messages } from "./cluster.test.kit.ts";
import { MessageKind } from "../../src/core/message.ts";

test("C1 wall clocks that jump change nothing", () => {
  const roles = (jumps: boolean): unknown => {
    const cluster = new SimCluster({ seed: 1, nodeCount: 3 });
    const seen: unknown[] = [];
    for (let i = 0; i < 50; i++) {
      if (jumps) {
        cluster.node((i % 3) + 1).clock.jumpWall(i % 2 === 0 ? 86_400_000 : -86_400_000);
      }
      cluster.run(200);
      if (cluster.leader !== null) {
        cluster.write(cluster.leader.id);
      }
      seen.push(
        ...cluster.nodes.map(({ core }) => [
          core.role,
          core.term,
          core.lastIndex,
          core.commitIndex,
        ]),
      );
    }
    return seen;
  };
  expect(roles(true)).toEqual(roles(false));
});

test("C2 a follower whose clock runs a fifth too fast or too slow disturbs nobody", () => {
  for (const rate of [0.8, 1.2]) {
    const cluster = ledByFirst();
    cluster.node(3).clock.setRate(rate);
    cluster.run(100 * cluster.electionMs);
    expect(cluster.leader!.id).toBe(1);
    expect(cluster.invariants.elections).toBe(1);
  }
});

test("C3 a leader whose process stood still steps down before it acknowledges anything", () => {
  const cluster = ledByFirst();
  const old = cluster.node(1);
  old.pause();
  const late = cluster.write(1);
  cluster.runUntil(() => cluster.nodes.some((n) => n !== old && n.leads), 5000, "a new leader");
  cluster.run(cluster.electionMs);
  old.resume();
  cluster.run(cluster.electionMs);
  expect(old.core.role).toBe(Role.follower);
  expect(late.outcome).not.toBe("ok");
  cluster.settle();
  cluster.checkHistory();
});

test("C3 a leader whose ticks stand still loses nothing that it acknowledged", () => {
  const cluster = ledByFirst();
  cluster.node(1).freezeTicks();
  cluster.run(3 * cluster.electionMs);
  const next = cluster.leader!;
  expect(next.id).not.toBe(1);
  cluster.node(1).thawTicks();
  cluster.settle();
  expect(cluster.invariants.elections).toBe(2);
  cluster.checkHistory();
});

test("C4 a follower that stood still hears what waits for it before it holds time against the leader", () => {
  const cluster = ledByFirst();
  const sent = cluster.network.record();
  cluster.node(3).pause();
  cluster.run(2 * cluster.electionMs);
  cluster.node(3).resume();
  cluster.run(5 * cluster.electionMs);
  expect(sent.filter(messages([MessageKind.preVote, MessageKind.vote], 3))).toEqual([]);
  expect(cluster.invariants.elections).toBe(1);
});

describe("Q4 a leader that stands still with answers in its sockets", () => {
  test.each([true, false])(
    "Q4 reads nothing old when it wakes up (check-quorum %s)",
    (checkQuorum) => {
      const cluster = ledByFirst({ host: { useLease: false }, core: { checkQuorum } });
      const old = cluster.node(1);
      const read = cluster.read(1);
      cluster.network.hold(
        messages([MessageKind.heartbeatReply, MessageKind.appendReply], undefined, 1),
      );
      cluster.run(20);
      old.pause();
      cluster.network.deliverHeld();
      cluster.network.unhold();
      cluster.runUntil(() => cluster.nodes.some((n) => n !== old && n.leads), 9000, "a new leader");
      const next = cluster.nodes.find((n) => n !== old && n.leads)!;
      const write = cluster.write(next.id);
      cluster.runUntil(() => write.outcome === "ok", cluster.electionMs, "the write");
      const late = cluster.read(1);
      old.resume();
      cluster.run(cluster.electionMs);
      cluster.settle();
      // The first read began before the write did, so either value is right; the second saw it end.
      expect(["ok", "refused", "unknown"]).toContain(read.outcome);
      expect(late.outcome === "ok" && late.value !== write.id).toBe(false);
      cluster.checkHistory();
    },
  );
});
