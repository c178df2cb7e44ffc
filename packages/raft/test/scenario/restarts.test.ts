import { expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { forSeeds, ledByFirst } from "./cluster.test.kit.ts";
import { ask, changeByObserving, hasMembers, prepare } from "./members.test.kit.ts";

test.each([true, false])(
  "B4 all members lose power in a joint configuration: a leader of both majorities ends it (by itself: %s)",
  (leavesByItself) => {
    forSeeds(5, (seed) => {
      const cluster = new SimCluster({ seed, nodeCount: 5, voters: [1, 2, 3], observers: [4, 5] });
      cluster.electLeader(1);
      cluster.settle();
      const call = ask(cluster, 1, prepare(cluster, 1, [1, 2, 3, 4, 5], [], { leavesByItself }));
      const joint = call.answer!.index;
      const { core } = cluster.node(1);
      cluster.runUntil(() => core.commitIndex >= joint, 1000, "the joint configuration");
      cluster.script(() => {
        cluster.nodes.forEach((node) => node.crash());
        [1, 2].forEach((id) => cluster.node(id).start());
      });
      // A majority of the old voters, not of the new ones.
      cluster.run(10 * cluster.electionMs);
      expect(cluster.leader).toBeNull();
      cluster.script(() => cluster.node(4).start());
      const leader = cluster.runUntilLeader();
      if (!leavesByItself) {
        expect(leader.core.configuration.nextVoters).toEqual([1, 2, 3, 4, 5]);
        ask(cluster, leader.id, { action: "commit", prepareIndex: joint });
      }
      cluster.script(() => [3, 5].forEach((id) => cluster.node(id).start()));
      const isDone = (): boolean => hasMembers(cluster, [1, 2, 3, 4, 5]);
      cluster.runUntil(isDone, 20 * cluster.electionMs, "five voters");
      cluster.settle();
      cluster.checkHistory();
    });
  },
);

test("B1 all nodes lose power at one instant, 1,000 times: nothing acknowledged is lost", () => {
  let crashes = 0;
  let lost = 0;
  forSeeds(10, (seed) => {
    const cluster = new SimCluster({ seed, nodeCount: 3, disk: { syncMaxMs: 30 } });
    for (let round = 0; round < 100; round++) {
      cluster.runUntil(() => cluster.leader !== null, 20 * cluster.electionMs, "a leader");
      const { id } = cluster.leader!;
      for (let i = 0; i < 4; i++) {
        cluster.write(id);
        cluster.run(cluster.random.between(0, 15));
      }
      cluster.script(() => {
        for (const node of cluster.nodes) {
          node.crash();
          crashes++;
        }
        for (const node of cluster.nodes) {
          node.start();
        }
      });
    }
    cluster.settle();
    cluster.checkHistory();
    lost += cluster.nodes.reduce((sum, { counts }) => sum + counts.lostWrites, 0);
    expect(cluster.history.calls.some(({ outcome }) => outcome === "ok")).toBe(true);
  });
  expect(crashes).toBe(3000);
  expect(lost).toBeGreaterThan(100);
});

test("B9 a removed node that starts again with its old disk disturbs nobody", () => {
  const cluster = new SimCluster({ seed: 9, nodeCount: 3 });
  cluster.electLeader(1);
  cluster.settle();
  cluster.script(() => cluster.node(3).stop());
  changeByObserving(cluster, [1, 2]);
  const { term } = cluster.leader!.core;
  cluster.script(() => cluster.node(3).start());
  cluster.run(100 * cluster.electionMs);
  expect(hasMembers(cluster, [1, 2])).toBe(true);
  expect(cluster.leader!.core.term).toBe(term);
  expect(cluster.invariants.elections).toBe(1);
  expect(cluster.node(3).core.role).toBe(Role.follower);
});

test("E16 a node whose vote did not get to its disk gave none, and votes by its disk after the start", () => {
  let kept = 0;
  forSeeds(60, (seed) => {
    const cluster = new SimCluster({ seed, nodeCount: 3, core: { preVote: false } });
    const voter = cluster.node(2);
    cluster.network.cut([1], [3]);
    voter.disk.failNextSync();
    cluster.runUntil(() => !voter.isUp, 5 * cluster.electionMs, "the failure");
    expect(voter.counts.diskFailures).toBe(1);
    const { term, vote } = voter.disk.durable.hardState;
    cluster.script(() => voter.start());
    expect(voter.core).toMatchObject({ term, vote });
    kept += vote > 0 ? 1 : 0;
    cluster.network.heal();
    cluster.settle();
  });
  expect(kept).toBeGreaterThan(5);
  expect(kept).toBeLessThan(55);
});

test("E21 whatever happens to a voter, until the next term it repeats one vote", () => {
  let given = 0;
  forSeeds(30, (seed) => {
    const core = { preVote: false, electionTimeoutMinMs: 300, electionTimeoutMaxMs: 400 };
    const cluster = new SimCluster({ seed, nodeCount: 3, core, disk: { syncMaxMs: 40 } });
    const voter = cluster.node(2);
    const votes = new Map<number, number>();
    for (let i = 0; i < 60; i++) {
      cluster.run(cluster.random.between(0, 150));
      const { term, vote } = voter.disk.durable.hardState;
      const known = votes.get(term) ?? 0;
      expect(known === 0 || vote === known, `term ${term}: ${known}, then ${vote}`).toBe(true);
      votes.set(term, vote);
      if (cluster.random.chance(0.3)) {
        cluster.script(() => {
          voter.crash();
          voter.start();
        });
      } else if (cluster.random.chance(0.2)) {
        cluster.network.cut([cluster.random.int(1, 3)], [1, 2, 3]);
      } else {
        cluster.network.heal();
      }
    }
    given += [...votes.values()].filter((vote) => vote > 0).length;
  });
  expect(given).toBeGreaterThan(15);
});

test("B10 nodes that stop at any moment of an election or a write start again and go on", () => {
  const cluster = ledByFirst({ disk: { syncMaxMs: 20 } });
  for (let i = 0; i < 100; i++) {
    cluster.run(cluster.random.between(0, cluster.electionMs));
    const { leader } = cluster;
    if (leader !== null) {
      cluster.write(leader.id);
      cluster.run(cluster.random.between(0, 20));
    }
    const node = cluster.random.pick(cluster.nodes);
    cluster.script(() => {
      node.stop();
      node.start();
    });
    expect(node.waitingCalls).toBe(0);
  }
  cluster.settle();
  cluster.checkHistory();
});
