import { describe, expect, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { messages } from "./cluster.test.kit.ts";
import { ask, changeTo, hasMembers, prepare, threeOf } from "./members.test.kit.ts";

describe("M4 a leader that dies in the middle of a change", () => {
  test("M4 a before the joint configuration is on a quorum: the old members go on", () => {
    const cluster = threeOf(4);
    changeTo(cluster, [1, 2, 3], [4]);
    cluster.settle();
    cluster.network.cut([1], [2, 3, 4]);
    ask(cluster, 1, prepare(cluster, 1, [1, 2, 4]));
    cluster.run(50);
    expect(cluster.node(1).core.configuration.nextVoters).toEqual([1, 2, 4]);
    cluster.node(1).crash();
    cluster.network.heal();
    cluster.runUntil(() => cluster.leader?.core.isReadable === true, 10_000, "a leader");
    expect(hasMembers(cluster, [1, 2, 3], [4])).toBe(true);
    cluster.node(1).start();
    cluster.settle();
    expect(cluster.node(1).core.configuration).toMatchObject({ voters: [1, 2, 3], nextVoters: [] });
  });

  test("M4 b after the joint configuration is committed: the next leader ends it", () => {
    const cluster = threeOf(4);
    changeTo(cluster, [1, 2, 3], [4]);
    cluster.settle();
    // The old leader never learns that the joint configuration is committed.
    ask(cluster, 1, prepare(cluster, 1, [2, 3, 4]));
    const { index } = cluster.node(1).core.configuration;
    const isSpread = (): boolean =>
      [2, 3, 4].every((id) => cluster.node(id).disk.durable.lastIndex >= index);
    cluster.network.hold(({ to }) => to === 1);
    cluster.runUntil(isSpread, 1000, "the joint configuration on all others");
    cluster.node(1).crash();
    cluster.network.unhold();
    const isDone = (): boolean => hasMembers(cluster, [2, 3, 4]);
    cluster.runUntil(isDone, 20 * cluster.electionMs, "the new members");
    // It was committed by both halves before the final configuration followed it.
    const final = cluster.leader!.core.configuration;
    expect(final.prepareIndex).toBe(index);
    expect(final.index).toBeGreaterThan(index + 1);
  });

  test("M4 c with the final configuration on its own disk only: the next leader makes it again", () => {
    const cluster = threeOf(4);
    changeTo(cluster, [1, 2, 3], [4]);
    cluster.settle();
    ask(cluster, 1, prepare(cluster, 1, [1, 2, 4], [], { leavesByItself: true }));
    const { index } = cluster.node(1).core.configuration;
    const isEnded = (): boolean => cluster.node(1).core.configuration.prepareIndex === index;
    cluster.network.hold(
      ({ from, kind }) => from === 1 && isEnded() && kind === MessageKind.append,
    );
    cluster.runUntil(isEnded, 1000, "the final configuration");
    cluster.run(5);
    cluster.node(1).crash();
    cluster.network.unhold();
    cluster.runUntil(() => hasMembers(cluster, [1, 2, 4]), 20 * cluster.electionMs, "the change");
    cluster.node(1).start();
    cluster.settle();
    expect(cluster.node(1).core.configuration).toEqual(cluster.leader!.core.configuration);
  });
});

test("M4 the last configuration reached only members that it takes the vote from: one of them is elected and ends the change", () => {
  const cluster = new SimCluster({ seed: 4, nodeCount: 3 });
  cluster.electLeader(1);
  const call = ask(cluster, 1, prepare(cluster, 1, [3], [1, 2], { leavesByItself: false }));
  expect(call.answer?.refusal).toBeNull();
  cluster.settle();
  const prepareIndex = cluster.node(1).core.configuration.index;
  cluster.network.cut([3], [1, 2]);
  cluster.ask(1, { action: "commit", prepareIndex });
  const index = prepareIndex + 1;
  const holds = (): boolean => cluster.node(2).disk.durable.lastIndex >= index;
  cluster.runUntil(holds, cluster.electionMs, "the entry at 2");
  expect(cluster.node(1).core.commitIndex).toBeLessThan(index);
  cluster.script(() => cluster.node(1).crash());
  cluster.network.heal();
  cluster.runUntil(() => hasMembers(cluster, [3], [1, 2]), 40 * cluster.electionMs, "voter 3");
  cluster.script(() => cluster.node(1).start());
  expect(cluster.settle().id).toBe(3);
});

test("M11 a restart goes on with the newest configuration of the log, committed or not", () => {
  const cluster = threeOf(4);
  cluster.network.cut([1], [2, 3, 4]);
  ask(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4]));
  cluster.run(5);
  cluster.node(1).crash();
  cluster.node(1).start();
  expect(cluster.node(1).core.configuration).toMatchObject({ nextObservers: [4] });
  expect(cluster.node(1).core.configuration.index).toBeGreaterThan(
    cluster.node(1).core.commitIndex,
  );
});

test("M12 a configuration that another leader cuts away is taken back everywhere, addresses too", () => {
  const cluster = threeOf(4);
  cluster.network.cut([1], [3, 4]);
  const moved = [
    { nodeId: 2, host: "elsewhere", port: 1 },
    { nodeId: 4, host: "sim", port: 4 },
  ];
  cluster.network.hold(messages([MessageKind.appendReply]));
  ask(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4], { members: moved }));
  cluster.runUntil(() => cluster.node(2).core.configuration.index > 0, 1000, "the entry at 2");
  expect(cluster.node(2).core.configuration.members).toContainEqual(moved[0]);
  cluster.network.take();
  cluster.network.unhold();
  cluster.network.cut([2], [1, 3, 4]);
  cluster.network.cut([1], [2, 3, 4]);
  cluster.node(1).crash();
  cluster.node(2).stop();
  cluster.node(1).start();
  cluster.network.heal();
  // 3 never had the entry; 1 had it and lost it: it was not synced.
  const isGone = cluster.node(1).core.configuration.index === 0;
  cluster.run(10 * cluster.electionMs);
  cluster.node(2).start();
  cluster.settle();
  const final = cluster.leader!.core.configuration;
  for (const id of [1, 2, 3]) {
    expect(cluster.node(id).core.configuration.index).toBe(final.index);
  }
  expect(isGone ? final.index : 0).toBe(0);
});
