import { describe, expect, test } from "vitest";
import { GOOD_LINK, SimCluster } from "../../src/testing/index.ts";
import { forSeeds } from "./cluster.test.kit.ts";
import { changeByObserving, hasMembers, prepare, SteadyWriter } from "./members.test.kit.ts";

describe("M3 changes of every size complete under loss", () => {
  const [a, b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7, 8];
  const changes: [string, number[], number[]][] = [
    ["abc to cde", [a, b, c], [c, d, e]],
    ["ab to cd", [a, b], [c, d]],
    ["abcdef to abcgh", [a, b, c, d, e, f], [a, b, c, g, h]],
    ["abcde to abcdefg", [a, b, c, d, e], [a, b, c, d, e, f, g]],
    ["cde to abc", [c, d, e], [a, b, c]],
    ["cd to ab", [c, d], [a, b]],
    ["abcgh to abcdef", [a, b, c, g, h], [a, b, c, d, e, f]],
    ["abcdefg to abcde", [a, b, c, d, e, f, g], [a, b, c, d, e]],
  ];
  for (const [name, from, to] of changes) {
    test(`M3 ${name}`, () => {
      forSeeds(3, (seed) => {
        const link = { lossRate: 0.1, delayMaxMs: 5 };
        const cluster = new SimCluster({ seed, nodeCount: 8, voters: from, link });
        cluster.runUntilLeader();
        const writer = new SteadyWriter(cluster, 2);
        changeByObserving(cluster, to);
        writer.stop();
        expect(writer.acknowledged).toBeGreaterThan(0);
        cluster.network.setAllLinks(GOOD_LINK);
        cluster.settle();
        expect(hasMembers(cluster, to)).toBe(true);
        cluster.checkHistory();
      });
    });
  }
});

test("M20 fifty changes under crashes and partitions end with the last committed members everywhere", () => {
  const nodeCount = 9;
  const all = Array.from({ length: nodeCount }, (_, i) => i + 1);
  let removals = 0;
  forSeeds(1, (seed) => {
    const options = { voters: [1, 2, 3], observers: [4, 5], host: { tickMs: 50 } };
    const cluster = new SimCluster({ seed, nodeCount, ...options });
    cluster.runUntilLeader();
    const writer = new SteadyWriter(cluster, 100);
    const { random } = cluster;
    let changes = 0;
    for (let round = 0; changes < 50; round++) {
      expect(round).toBeLessThan(500);
      const strike = random.int(1, nodeCount);
      if (random.chance(0.5)) {
        const others = all.filter((id) => id !== strike);
        cluster.network.cut([strike], others);
      } else if (cluster.node(strike).isUp) {
        cluster.node(strike).crash();
      }
      const { leader } = cluster;
      if (leader !== null) {
        const { voters, observers, removed } = leader.core.configuration;
        const rest = all.filter((id) => !removed.includes(id));
        const known = rest.filter((id) => voters.includes(id) || observers.includes(id));
        const leaving = known.length > 4 && random.chance(0.1) ? random.pick(known) : 0;
        const joining = random.pick(rest);
        const members = rest.filter(
          (id) => id !== leaving && (known.includes(id) || id === joining),
        );
        const next = members.filter(() => random.chance(0.6));
        const followers = members.filter((id) => !next.includes(id));
        const call = cluster.ask(leader.id, prepare(cluster, leader.id, next, followers));
        cluster.run(random.between(10, cluster.electionMs));
        changes += call.answer !== null && call.answer.refusal === null ? 1 : 0;
      }
      cluster.network.heal();
      if (!cluster.node(strike).isUp) {
        cluster.node(strike).start();
      }
      cluster.run(random.between(10, cluster.electionMs));
    }
    writer.stop();
    const isOver = (): boolean => {
      const core = cluster.leader?.core;
      const active = core?.configuration;
      const members = [...(active?.voters ?? []), ...(active?.observers ?? [])];
      return (
        core !== undefined &&
        active?.nextVoters.length === 0 &&
        active.index <= core.commitIndex &&
        members.every((id) => cluster.node(id).core.appliedIndex === core.lastIndex)
      );
    };
    cluster.runUntil(isOver, 60 * cluster.electionMs, "rest of all members");
    const { configuration, term } = cluster.leader!.core;
    const members = [...configuration.voters, ...configuration.observers];
    for (const id of members) {
      expect(cluster.node(id).core.configuration).toEqual(configuration);
    }
    removals += configuration.removed.length;
    // Whoever left runs still, and is heard of no more.
    const { elections } = cluster.invariants;
    cluster.run(30 * cluster.electionMs);
    expect([cluster.leader?.core.term, cluster.invariants.elections]).toEqual([term, elections]);
    for (const node of cluster.nodes.filter(({ id }) => !members.includes(id))) {
      expect(node.leads).toBe(false);
    }
    expect(writer.acknowledged).toBeGreaterThan(0);
    cluster.checkHistory();
  });
  expect(removals).toBeGreaterThan(2);
});
