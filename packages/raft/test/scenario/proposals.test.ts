import { describe, expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { type ClientCall, SimCluster } from "../../src/testing/index.ts";
import { ledByFirst, messages, VOTES } from "./cluster.test.kit.ts";

describe("R12 a proposal that cannot be taken is dropped at once, and never appears", () => {
  /** Proposes on the node whatever its role is; the answer must come with the same output. */
  function proposeNow(cluster: SimCluster, id: number): ClientCall {
    const call = cluster.draftWrite(id);
    cluster.script(() => {
      cluster.node(id).propose([call]);
      cluster.node(id).take();
    });
    return call;
  }

  test("R12 by a follower", () => {
    const cluster = ledByFirst();
    const before = cluster.node(2).core.lastIndex;
    expect(proposeNow(cluster, 2).outcome).toBe("refused");
    expect(cluster.node(2).core.lastIndex).toBe(before);
    cluster.settle();
  });

  test.each([
    ["while it asks for pre-votes", true, Role.preCandidate],
    ["while it asks for votes", false, Role.candidate],
  ] as const)("R12 by a node %s", (_, preVote, role) => {
    const cluster = new SimCluster({ seed: 12, nodeCount: 3, core: { preVote } });
    cluster.network.hold(messages(VOTES));
    const node = cluster.node(1);
    cluster.runUntil(() => node.core.role === role, 3 * cluster.electionMs, "a campaign");
    expect(proposeNow(cluster, 1).outcome).toBe("refused");
    cluster.network.unhold();
    cluster.settle();
  });

  test("R12 by a leader, when it was made for another place in the log", () => {
    const cluster = ledByFirst();
    const node = cluster.node(1);
    const stale = cluster.draftWrite(1);
    const next = cluster.draftWrite(1);
    cluster.script(() => {
      const sealed = node.seal([stale]);
      node.propose([next]);
      node.offer(sealed);
      node.take();
    });
    expect(stale.outcome).toBe("refused");
    cluster.settle();
    expect(next.outcome).toBe("ok");
  });

  test("R12 by a leader of before, when it was made in an earlier term", () => {
    const cluster = ledByFirst();
    const node = cluster.node(1);
    const call = cluster.draftWrite(1);
    const sealed = node.seal([call]);
    cluster.network.cut([1], [2, 3]);
    cluster.runUntil(() => !node.leads, 3 * cluster.electionMs, "the end of leader 1");
    cluster.script(() => {
      node.offer(sealed);
      node.take();
    });
    expect(call.outcome).toBe("refused");
    cluster.network.heal();
    cluster.settle();
  });
});

test("R22 of 10,000 writes of 100 clients each client's are applied in its order", () => {
  const clients = 100;
  const cluster = ledByFirst({ host: { applyMaxMs: 2 } });
  const calls: ClientCall[][] = Array.from({ length: clients }, () => []);
  for (let round = 0; round < 100; round++) {
    for (let client = 0; client < clients; client++) {
      calls[client]!.push(cluster.write(1, client, client));
    }
    cluster.run(cluster.random.between(0, 3));
  }
  const leader = cluster.settle();
  for (const [client, ofClient] of calls.entries()) {
    expect(ofClient.every(({ outcome }) => outcome === "ok")).toBe(true);
    const indexes = ofClient.map(({ index }) => index);
    expect(indexes).toEqual(indexes.toSorted((a, b) => a - b));
    for (const node of cluster.nodes) {
      expect(node.machine.read(client)).toBe(ofClient.at(-1)!.id);
    }
  }
  // The history checks that each answer names the index at which its own entry was applied.
  const all = new Set(calls.flat().map(({ index }) => index));
  expect(all.size).toBe(10_000);
  expect(leader.core.commitIndex).toBeGreaterThan(10_000);
  cluster.checkHistory();
});
