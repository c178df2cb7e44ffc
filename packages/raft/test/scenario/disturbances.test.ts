import { describe, expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { GOOD_LINK, preloadedLog, SimCluster, type SimNode } from "../../src/testing/index.ts";
import { APPENDS, forSeeds, ledByFirst, messages, writeEach } from "./cluster.test.kit.ts";

function others(cluster: SimCluster, node: SimNode): number[] {
  return cluster.nodes.filter((other) => other !== node).map(({ id }) => id);
}

test("E7 without pre-vote a node that comes back costs one election at most, then all is stable", () => {
  const cluster = ledByFirst({ core: { preVote: false } });
  cluster.network.cut([3], [1, 2]);
  cluster.run(20 * cluster.electionMs);
  const lonelyTerm = cluster.node(3).core.term;
  expect(lonelyTerm).toBeGreaterThan(5);
  cluster.network.heal();
  cluster.run(5 * cluster.electionMs);
  const { term } = cluster.leader!.core;
  const { elections } = cluster.invariants;
  expect(elections).toBeLessThanOrEqual(2);
  cluster.run(50 * cluster.electionMs);
  expect(cluster.leader!.core.term).toBe(term);
  expect(cluster.invariants.elections).toBe(elections);
});

test("E8 the pre-vote of a node that is behind in terms counts: a leader within three timeouts", () => {
  forSeeds(10, (seed) => {
    const logs = new Map([
      [1, preloadedLog([1], { term: 7 })],
      [2, preloadedLog([1], { term: 7 })],
      [3, preloadedLog([1], { term: 1 })],
    ]);
    const cluster = new SimCluster({ seed, nodeCount: 3, logs, down: [2, 3] });
    const first = cluster.node(1);
    const asks = (): boolean => first.core.role === Role.preCandidate;
    cluster.runUntil(asks, 3 * cluster.electionMs, "a campaign");
    cluster.script(() => cluster.node(3).start());
    cluster.runUntil(() => cluster.leader !== null, 6 * cluster.electionMs, "a leader");
    expect(cluster.leader!.core.term).toBeGreaterThan(7);
    cluster.runUntilLeader();
  });
});

test("E9 with pre-vote on some nodes only, one stuck at a higher term with a shorter log, a leader is elected", () => {
  forSeeds(10, (seed) => {
    const logs = new Map([
      [1, preloadedLog([1, 1, 1], { term: 2 })],
      [2, preloadedLog([1, 1, 1], { term: 2 })],
      [3, preloadedLog([1], { term: 9 })],
    ]);
    // Node 3 was started with pre-vote; the others do without.
    const cluster = new SimCluster({
      seed,
      nodeCount: 3,
      logs,
      coreOf: (id) => ({ preVote: id === 3 }),
    });
    const leader = cluster.runUntilLeader();
    expect(leader.id).not.toBe(3);
    expect(leader.core.term).toBeGreaterThan(9);
    cluster.settle();
  });
});

test("E10 a node that does not hear the leader, and is heard by all, deposes nobody", () => {
  const cluster = ledByFirst();
  const { term } = cluster.leader!.core;
  cluster.network.cutOneWay(1, 3);
  for (let i = 0; i < 100; i++) {
    const write = cluster.write(1);
    cluster.run(cluster.electionMs);
    expect(write.outcome).toBe("ok");
  }
  expect(cluster.leader!.id).toBe(1);
  expect(cluster.leader!.core.term - term).toBeLessThanOrEqual(1);
  cluster.network.heal();
  cluster.settle();
});

test("N1 links that lose, double, reorder and delay: all rules hold, and all is well when they end", () => {
  const link = { delayMaxMs: 5000, lossRate: 0.3, duplicateRate: 0.5, ordered: false };
  forSeeds(3, (seed) => {
    const cluster = new SimCluster({ seed, nodeCount: 3, link });
    for (let i = 0; i < 200; i++) {
      cluster.write(cluster.leader?.id ?? 1);
      cluster.run(cluster.electionMs / 2);
    }
    expect(cluster.network.counts.reordered).toBeGreaterThan(100);
    cluster.network.setAllLinks(GOOD_LINK);
    // What was under way still takes its time.
    cluster.run(5000);
    cluster.settle();
    cluster.checkHistory();
  });
});

describe("N2 one node is cut off", () => {
  test.each([
    ["both ways", true, true],
    ["so that nobody hears it", true, false],
    ["so that it hears nobody", false, true],
  ])("N2 %s: one election for a leader, none for a follower", (_, mute, deaf) => {
    for (const isLeader of [true, false]) {
      const cluster = ledByFirst({ nodeCount: 5 });
      const victim = cluster.node(isLeader ? 1 : 3);
      for (const id of others(cluster, victim)) {
        if (mute) {
          cluster.network.cutOneWay(victim.id, id);
        }
        if (deaf) {
          cluster.network.cutOneWay(id, victim.id);
        }
      }
      cluster.run(20 * cluster.electionMs);
      cluster.network.heal();
      cluster.settle();
      expect(cluster.invariants.elections).toBeLessThanOrEqual(isLeader ? 2 : 1);
    }
  });
});

test("N4 a link that flaps under load costs few terms and little throughput", () => {
  const acknowledged = (isFlapping: boolean): number => {
    const cluster = ledByFirst();
    const { term } = cluster.leader!.core;
    let done = 0;
    for (let i = 0; i < 200; i++) {
      if (isFlapping && i % 2 === 0) {
        cluster.network.cut([2], [3]);
        cluster.network.cut([1], [3]);
      } else {
        cluster.network.heal();
      }
      for (let n = 0; n < 5; n++) {
        const { leader } = cluster;
        if (leader !== null) {
          cluster.write(leader.id, 1, 0, 8, ({ outcome }) => (done += outcome === "ok" ? 1 : 0));
        }
      }
      cluster.run(cluster.electionMs / 2);
    }
    cluster.network.heal();
    expect(cluster.settle().core.term - term).toBeLessThanOrEqual(3);
    return done;
  };
  expect(acknowledged(true)).toBeGreaterThanOrEqual(acknowledged(false) / 2);
});

test("N14 a link that drops what is too much says so: the follower is probed, and soon at full rate", () => {
  const cluster = ledByFirst({ core: { maxAppendBytes: 1, windowAppends: 1000 } });
  cluster.reportUnreachable = true;
  cluster.network.clog(1, 3);
  writeEach(cluster, 1, 300);
  cluster.run(20);
  const follower = (): unknown =>
    cluster
      .node(1)
      .core.progress()
      .find(({ id }) => id === 3);
  expect(follower()).toMatchObject({ state: "probe" });
  cluster.network.unclog(1, 3);
  cluster.run(2 * cluster.options.heartbeatMs);
  expect(follower()).toMatchObject({ state: "replicate" });
  expect(cluster.node(3).core.lastIndex).toBe(cluster.node(1).core.lastIndex);
});

test("R21 followers learn what is committed within a heartbeat", () => {
  const cluster = ledByFirst();
  writeEach(cluster, 1, 20);
  cluster.runUntil(() => cluster.node(1).core.commitIndex === 21, 100, "the commits");
  cluster.run(cluster.options.heartbeatMs + GOOD_LINK.delayMaxMs + 20);
  expect(cluster.nodes.map(({ core }) => core.commitIndex)).toEqual([21, 21, 21]);
});

test("R23 no change of role touches a log: only an append that contradicts it does", () => {
  const cluster = ledByFirst();
  cluster.network.cut([1], [3]);
  cluster.network.hold(messages(APPENDS, 1));
  writeEach(cluster, 1, 3);
  cluster.network.deliverHeld();
  cluster.run(5);
  const node = cluster.node(2);
  const { lastIndex, lastChain } = node.core;
  expect(lastIndex).toBe(4);
  cluster.network.cut([2], [1, 3]);
  const roles = new Set<Role>();
  for (let i = 0; i < 60; i++) {
    cluster.run(cluster.electionMs / 5);
    roles.add(node.core.role);
    expect(node.core).toMatchObject({ lastIndex, lastChain });
  }
  expect(roles).toContain(Role.preCandidate);
  cluster.network.heal();
  cluster.network.unhold();
  cluster.settle();
  expect(cluster.invariants.truncations).toBe(0);
});
