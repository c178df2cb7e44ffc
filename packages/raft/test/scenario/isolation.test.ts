import { expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { ledByFirst } from "./cluster.test.kit.ts";

test("E6 a partitioned node with pre-vote rejoins without an election", () => {
  const cluster = ledByFirst();
  const { term } = cluster.node(1).core;
  const lonely = cluster.node(3);
  cluster.network.cut([3], [1, 2]);
  cluster.run(50 * cluster.electionMs);
  expect(lonely.core).toMatchObject({ term, role: Role.preCandidate });
  cluster.network.heal();
  cluster.run(5 * cluster.electionMs);
  expect(lonely.core).toMatchObject({ term, role: Role.follower, leaderId: 1 });
  expect(cluster.leader?.id).toBe(1);
  expect(cluster.invariants.elections).toBe(1);
});

test("E12 a leader without a quorum steps down and acknowledges nothing", () => {
  const cluster = ledByFirst();
  const { term } = cluster.node(1).core;
  cluster.network.cut([1], [2, 3]);
  const early = cluster.write(1);
  cluster.run(2 * cluster.electionMs);
  expect(cluster.node(1).core).toMatchObject({ term, role: expect.not.toSatisfy(isLeader) });
  expect(early.outcome).toBe("unknown");
  const late = cluster.write(1);
  cluster.run(1);
  expect(late.outcome).toBe("refused");
  cluster.runUntil(() => cluster.leader !== null, 3 * cluster.electionMs, "another leader");
  expect(cluster.leader!.id).not.toBe(1);
  const accepted = cluster.write(cluster.leader!.id);
  cluster.run(cluster.electionMs);
  expect(accepted.outcome).toBe("ok");
  cluster.network.heal();
  cluster.settle();
  cluster.checkHistory();
});

function isLeader(role: Role): boolean {
  return role === Role.leader;
}
