import { expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { type ClientCall, SimCluster, SimFailure } from "../../src/testing/index.ts";
import { APPEND_REPLIES, forSeeds, messages } from "./cluster.test.kit.ts";
import { prepare } from "./members.test.kit.ts";

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

test("Q10 a leader that votes no more has no lease: the voter left alone elects itself as it starts", () => {
  const cluster = new SimCluster({ seed: 1, nodeCount: 2 });
  cluster.electLeader(2);
  cluster.settle();
  const isAlone = (id: number): boolean => cluster.node(id).core.configuration.voters.length === 1;
  cluster.ask(2, prepare(cluster, 2, [1]));
  cluster.runUntil(() => isAlone(2), 1000, "the last configuration");
  cluster.network.hold(messages(APPEND_REPLIES));
  cluster.runUntil(() => isAlone(1), 100, "the last configuration at the voter");
  cluster.run(10);
  cluster.network.cut([1], [2]);
  cluster.node(1).crash();
  cluster.node(1).start();
  const isLeading = (): boolean => cluster.node(1).core.role === Role.leader;
  cluster.runUntil(isLeading, cluster.electionMs / 2, "the voter leads");
  const write = cluster.write(1);
  cluster.runUntil(() => write.outcome === "ok", 100, "the write");
  expect(cluster.node(2).core.role).toBe(Role.leader);
  const read = cluster.read(2);
  cluster.run(100);
  expect(read.outcome).toBe("pending");
  cluster.checkHistory();
});
