import { expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { MessageKind } from "../../src/core/message.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { messages } from "./cluster.test.kit.ts";
import { ask, hasMembers, prepare, SteadyWriter, threeOf } from "./members.test.kit.ts";

test("M5 a leader that removes itself does not count, hands over when that is committed, and is answered", () => {
  const cluster = threeOf(3);
  const writer = new SteadyWriter(cluster);
  const call = ask(cluster, 1, prepare(cluster, 1, [2, 3]));
  expect(call.answer?.refusal).toBeNull();
  const startMs = cluster.nowMs;
  cluster.runUntil(
    () => hasMembers(cluster, [2, 3]) && cluster.leader!.id !== 1,
    1000,
    "a successor",
  );
  // Nobody waited for an election timeout.
  expect(cluster.nowMs - startMs).toBeLessThan(cluster.electionMs / 2);
  writer.stop();
  cluster.run(30 * cluster.electionMs);
  expect(cluster.node(1).core.role).toBe(Role.follower);
  expect([2, 3]).toContain(cluster.leader!.id);
  cluster.settle();
  cluster.checkHistory();
});

test("M5 a leader that found nobody to hand over to tries again as soon as somebody answers", () => {
  const cluster = new SimCluster({ seed: 5, nodeCount: 3, core: { checkQuorum: false } });
  cluster.electLeader(1);
  cluster.settle();
  const { network } = cluster;
  network.hold(messages([MessageKind.timeoutNow]));
  ask(cluster, 1, prepare(cluster, 1, [2, 3]));
  const isOut = (): boolean => hasMembers(cluster, [2, 3]);
  cluster.runUntil(isOut, 2 * cluster.electionMs, "the removal of 1");
  // They hear it, so that nobody campaigns, and it does not hear them.
  network.cutOneWay(2, 1);
  network.cutOneWay(3, 1);
  cluster.run(5 * cluster.electionMs);
  expect(cluster.node(1).leads).toBe(true);
  expect(cluster.node(1).core.transferTo).toBe(0);
  network.take();
  network.unhold();
  network.heal();
  cluster.runUntil(() => cluster.leader?.id !== 1, 2 * cluster.electionMs, "another leader");
  cluster.runUntil(() => !cluster.node(1).leads, 2 * cluster.electionMs, "the end of leader 1");
  expect([2, 3]).toContain(cluster.leader?.id);
});

test("M5 what commits after the removal of the leader is on a majority of the others", () => {
  const cluster = threeOf(3);
  // The final configuration {2, 3} reaches node 2 only: with the leader that would be two of three.
  ask(cluster, 1, prepare(cluster, 1, [2, 3]));
  const { index } = cluster.node(1).core.configuration;
  const isEnded = (): boolean => cluster.node(1).core.configuration.prepareIndex === index;
  cluster.runUntil(isEnded, 1000, "the final configuration");
  const final = cluster.node(1).core.configuration.index;
  cluster.network.cut([1], [3]);
  cluster.run(cluster.electionMs / 2);
  expect(cluster.node(1).core.commitIndex).toBeLessThan(final);
});
