import { describe, expect, test } from "vitest";
import { FORCED_TERMS, planForcedMembers } from "../../src/node/forced-members.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { ask, hasMembers, prepare, refusal } from "./members.test.kit.ts";

describe("M14 of two voters one dies before it hears of its removal", () => {
  /** Node 1 with a joint configuration that nobody can commit. */
  function stuck(seed: number): SimCluster {
    const cluster = new SimCluster({ seed, nodeCount: 2 });
    cluster.electLeader(1);
    cluster.settle();
    cluster.node(2).crash();
    ask(cluster, 1, prepare(cluster, 1, [1]));
    cluster.run(10 * cluster.electionMs);
    expect(cluster.leader).toBeNull();
    expect(cluster.node(1).core.configuration).toMatchObject({ voters: [1, 2], nextVoters: [1] });
    return cluster;
  }

  test("M14 the group stands still until it is back", () => {
    const cluster = stuck(1);
    cluster.node(2).start();
    cluster.runUntil(() => hasMembers(cluster, [1]), 10 * cluster.electionMs, "the removal");
    expect(cluster.write(1).outcome).toBe("pending");
    cluster.run(10);
  });

  test("M14 an operator who knows that it is gone for good makes the other one the group; its id is burnt", () => {
    const cluster = stuck(2);
    const node = cluster.node(1);
    const { term } = node.core;
    node.stop();
    const wanted = { nodeId: 1, voters: [{ nodeId: 1, host: "sim", port: 7001 }] };
    const rest = { start: [], snapshotConfig: null, wallMs: 1 };
    const plan = planForcedMembers(node.disk.durable.state(), { ...wanted, ...rest });
    expect(plan).toMatchObject({ gone: [2], term: term + FORCED_TERMS });
    cluster.script(() => {
      node.disk.write(plan.write, () => {});
      node.disk.flush();
      node.start();
    });
    cluster.runUntil(() => hasMembers(cluster, [1]), 10 * cluster.electionMs, "service");
    const write = cluster.write(1);
    cluster.run(50);
    expect(write.outcome).toBe("ok");
    expect(node.core.term).toBeGreaterThan(term + FORCED_TERMS);
    expect(refusal(cluster, 1, prepare(cluster, 1, [1], [2]))).toBe("invalid");
    // Should it come back all the same it wins nothing as long as the group runs.
    cluster.script(() => cluster.node(2).start());
    cluster.run(20 * cluster.electionMs);
    expect(node.leads).toBe(true);
    expect(cluster.node(2).leads).toBe(false);
    cluster.checkHistory();
  });
});
