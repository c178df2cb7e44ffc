import { describe, expect, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { Role } from "../../src/core/output.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { ledByFirst, messages, VOTES } from "./cluster.test.kit.ts";
import { ask, changeTo, prepare, refusal } from "./members.test.kit.ts";

test("E13 who does not vote never campaigns: an observer, a stranger, a removed node", () => {
  const cluster = new SimCluster({ seed: 1, nodeCount: 5, voters: [1, 2, 3], observers: [4] });
  cluster.electLeader(1);
  cluster.settle();
  changeTo(cluster, [1, 2], [4]);
  cluster.settle();
  // Node 3 holds the entry that removes it only when it was sent in time; it is told otherwise.
  cluster.run(5 * cluster.electionMs);
  cluster.network.hold(messages(VOTES));
  cluster.network.cut([1, 2], [3, 4, 5]);
  cluster.run(40 * cluster.electionMs);
  expect(cluster.network.take(({ from }) => from > 2)).toEqual([]);
  for (const id of [3, 4, 5]) {
    expect(cluster.node(id).core.role).toBe(Role.follower);
    expect(refusal(cluster, id, { action: "campaign" })).toBe("cannotCampaign");
  }
});

describe("E17 with a committed configuration that is not applied", () => {
  /** Node 2 knows that a configuration is committed, and its state machine lags behind it. */
  function lagging(): SimCluster {
    const cluster = new SimCluster({ seed: 1, nodeCount: 4, voters: [1, 2, 3] });
    cluster.electLeader(1);
    cluster.settle();
    const slow = cluster.node(2);
    slow.host = { ...slow.host, applyMaxMs: 1e9 };
    ask(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4]));
    cluster.run(5 * cluster.options.heartbeatMs);
    const { configuration, commitIndex, appliedIndex } = slow.core;
    expect(commitIndex).toBeGreaterThanOrEqual(configuration.prepareIndex);
    expect(appliedIndex).toBeLessThan(configuration.prepareIndex);
    return cluster;
  }

  test("E17 a timeout starts no campaign", () => {
    const cluster = lagging();
    cluster.network.cut([2], [1, 3, 4]);
    cluster.run(10 * cluster.electionMs);
    expect(cluster.node(2).core.role).toBe(Role.follower);
  });

  test("E17 an administrator is refused", () => {
    const cluster = lagging();
    expect(refusal(cluster, 2, { action: "campaign" })).toBe("cannotCampaign");
    expect(cluster.node(2).core.role).toBe(Role.follower);
  });

  test("E17 the word of the leader is not followed", () => {
    const cluster = lagging();
    const { term } = cluster.node(2).core;
    cluster.network.inject({ kind: MessageKind.timeoutNow, from: 1, to: 2, term });
    cluster.run(cluster.electionMs);
    expect(cluster.node(2).core).toMatchObject({ role: Role.follower, term });
  });
});

test("E19 a leader that is asked to campaign stays what it is", () => {
  const cluster = ledByFirst();
  const { term } = cluster.node(1).core;
  expect(refusal(cluster, 1, { action: "campaign" })).toBe("");
  const write = cluster.write(1);
  cluster.run(5 * cluster.electionMs);
  expect(write.outcome).toBe("ok");
  expect(cluster.node(1).core).toMatchObject({ role: Role.leader, term });
  expect(cluster.invariants.elections).toBe(1);
});

test("E19 a follower that is asked asks first whether it could win: a live leader stays", () => {
  const cluster = ledByFirst({ core: { leaseReads: false } });
  expect(refusal(cluster, 2, { action: "campaign" })).toBe("");
  expect(cluster.node(2).core.role).toBe(Role.preCandidate);
  cluster.run(5 * cluster.electionMs);
  expect(cluster.leader?.id).toBe(1);
  expect(cluster.invariants.elections).toBe(1);
});

test("E19 a follower that a lease may count on is refused, until it has heard no leader for long", () => {
  const cluster = ledByFirst();
  // Node 3 would vote: it has not heard the leader for long.
  cluster.network.cut([1], [3]);
  cluster.network.hold(messages(VOTES, 3));
  cluster.run(2 * cluster.electionMs);
  cluster.network.unhold();
  expect(refusal(cluster, 2, { action: "campaign" })).toBe("cannotCampaign");
  cluster.network.cut([1], [2]);
  cluster.network.hold(messages(VOTES));
  cluster.run(cluster.electionMs + 10);
  cluster.network.unhold();
  const asked = ask(cluster, 2, { action: "campaign" });
  expect(asked.answer?.refusal).toBeNull();
  cluster.runUntil(() => cluster.node(2).leads, cluster.electionMs / 2, "leader 2");
});
