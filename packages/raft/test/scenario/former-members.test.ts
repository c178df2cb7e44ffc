import { expect, test } from "vitest";
import { InputKind } from "../../src/core/input.ts";
import { Role } from "../../src/core/output.ts";
import { MessageKind } from "../../src/core/message.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { ask, changeTo, hasMembers, prepare, refusal, threeOf } from "./members.test.kit.ts";

test("M7 a removed node that never heard of it disturbs nobody, and stops when it is told", () => {
  const cluster = threeOf(3);
  cluster.network.cut([3], [1, 2]);
  changeTo(cluster, [1, 2]);
  cluster.run(20 * cluster.electionMs);
  const { term } = cluster.node(1).core;
  const removed = cluster.node(3);
  expect(removed.core).toMatchObject({ role: Role.preCandidate, isRemoved: false });
  cluster.network.heal();
  cluster.runUntil(() => removed.core.isRemoved, 5 * cluster.electionMs, "word of the removal");
  expect(removed.core.role).toBe(Role.follower);
  cluster.network.hold(({ from }) => from === 3);
  cluster.run(100 * cluster.electionMs);
  expect(cluster.network.take()).toEqual([]);
  expect(cluster.leader?.core).toMatchObject({ id: 1, term });
  expect(cluster.invariants.elections).toBe(1);
});

test("M7 nodes without pre-vote are told too before they disturb a term", () => {
  const cluster = new SimCluster({ seed: 1, nodeCount: 3, core: { preVote: false } });
  cluster.electLeader(1);
  cluster.settle();
  cluster.network.cut([3], [1, 2]);
  changeTo(cluster, [1, 2]);
  cluster.run(5 * cluster.electionMs);
  cluster.network.heal();
  cluster.runUntil(() => cluster.node(3).core.isRemoved, 5 * cluster.electionMs, "the word");
  expect(cluster.invariants.elections).toBe(1);
  expect(cluster.leader?.id).toBe(1);
});

test("M8 an id does not come back: the same address takes another one, and the old one is not heard", () => {
  const cluster = threeOf(4);
  changeTo(cluster, [1, 2]);
  const again = prepare(cluster, 1, [1, 2], [3]);
  expect(ask(cluster, 1, again).answer?.refusal).toEqual({
    reason: "invalid",
    problems: [
      "node 3: was a member before; a node that comes back gets a new id and an empty log",
    ],
  });
  const address = { nodeId: 4, host: "sim", port: 7003 };
  const renamed = prepare(cluster, 1, [1, 2], [4], { members: [address] });
  expect(refusal(cluster, 1, renamed)).toBe("");
  cluster.runUntil(() => hasMembers(cluster, [1, 2], [4]), 1000, "the new member");
  cluster.settle();
  const { term } = cluster.node(1).core;
  const reply = { from: 3, to: 1, term: 99, sentAtMs: 0, readToken: 0 };
  cluster
    .node(1)
    .step({ kind: InputKind.message, message: { kind: MessageKind.heartbeatReply, ...reply } });
  expect(cluster.node(1).core).toMatchObject({ term, role: Role.leader });
});

test("M9 a former voter with a higher term deposes the leader once at most when it follows again", () => {
  const cluster = new SimCluster({ seed: 3, nodeCount: 3, core: { preVote: false } });
  cluster.electLeader(1);
  cluster.settle();
  cluster.network.cut([3], [1, 2]);
  cluster.run(10 * cluster.electionMs);
  changeTo(cluster, [1, 2], [3]);
  const { term } = cluster.leader!.core;
  expect(cluster.node(3).core.term).toBeGreaterThan(term);
  cluster.network.heal();
  cluster.run(3 * cluster.electionMs);
  const { elections } = cluster.invariants;
  expect(elections).toBeLessThanOrEqual(2);
  cluster.run(20 * cluster.electionMs);
  expect(cluster.invariants.elections).toBe(elections);
  cluster.settle();
  expect(cluster.node(3).core.role).toBe(Role.follower);
});
