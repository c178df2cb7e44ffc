import { expect, test } from "vitest";
import { type ClientCall, SimCluster, SimFailure } from "../../src/testing/index.ts";
import { forSeeds } from "./cluster.test.kit.ts";

/**
 * A leader with a slow clock is cut off and goes on being read, while voters with fast clocks elect
 * another one as early as they may and write there. Returns how many reads the lease answered.
 */
function playToTheEndOfALease(seed: number, slowest: number, fastest: number): number {
  const cluster = new SimCluster({
    seed,
    nodeCount: 3,
    core: { electionTimeoutMaxMs: 1010 },
    host: { tickMs: 2 },
    link: { delayMinMs: 0, delayMaxMs: 1 },
    disk: { syncMaxMs: 1 },
    leasesHold: false,
  });
  const leader = cluster.runUntilLeader();
  for (const { id, clock } of cluster.nodes) {
    clock.setRate(id === leader.id ? slowest : fastest);
  }
  cluster.run(2 * cluster.electionMs);
  const others = cluster.nodes.map(({ id }) => id).filter((id) => id !== leader.id);
  cluster.network.cut([leader.id], others);
  const reads: ClientCall[] = [];
  for (let ms = 0; ms < 1.3 * cluster.electionMs; ms += 3) {
    reads.push(cluster.read(leader.id));
    const next = cluster.leader;
    if (next !== null && next !== leader) {
      cluster.write(next.id);
    }
    cluster.run(3);
  }
  expect(cluster.leader).not.toBe(leader);
  cluster.checkHistory();
  return reads.filter(({ outcome }) => outcome === "ok").length;
}

test("Q10 no read under a lease is stale while clocks drift within the bound", () => {
  let answered = 0;
  forSeeds(12, (seed) => {
    answered += playToTheEndOfALease(seed, 0.95, 1.05);
  });
  // Each lease lasts some 900 ms from the last answer on.
  expect(answered).toBeGreaterThan(12 * 250);
});

test("Q10 reads turn stale, and are found out, when clocks drift further than the bound", () => {
  const broken: string[] = [];
  forSeeds(8, (seed) => {
    try {
      playToTheEndOfALease(seed, 0.8, 1.2);
    } catch (error) {
      broken.push(error instanceof SimFailure ? error.rule : String(error));
    }
  });
  expect(broken.length).toBeGreaterThan(4);
  expect(new Set(broken)).toEqual(new Set(["I11"]));
});
