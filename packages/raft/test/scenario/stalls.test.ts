import { expect, test } from "vitest";
import { InputKind } from "../../src/core/input.ts";
import type { Message } from "../../src/core/message.ts";
import { SimCluster } from "../../src/testing/index.ts";
import { forSeeds, VOTES } from "./cluster.test.kit.ts";

test("C4 a follower that stood still for two election timeouts hears its heartbeats before it counts time", () => {
  forSeeds(30, (seed) => {
    const cluster = new SimCluster({ seed, nodeCount: 3 });
    const leader = cluster.runUntilLeader();
    cluster.settle();
    const { term } = leader.core;
    const follower = cluster.nodes.find((node) => node !== leader);
    follower?.pause();
    cluster.run(2 * cluster.electionMs);
    const sent: Message[] = [];
    cluster.network.recorded = sent;
    // The timer is due before anything is read from a socket.
    follower?.step({ kind: InputKind.tick });
    follower?.resume();
    cluster.run(cluster.electionMs);
    const votes = sent.filter(({ kind }) => VOTES.includes(kind)).length;
    expect([votes, leader.core.term, leader.leads]).toEqual([0, term, true]);
    expect(sent.length).toBeGreaterThan(0);
  });
});

test("C5 hosts whose turns take longer than a tick handle the ticks that gathered as one, and elect nobody", () => {
  forSeeds(10, (seed) => {
    const tickMs = 20;
    const cluster = new SimCluster({ seed, nodeCount: 5, host: { tickMs } });
    const leader = cluster.runUntilLeader();
    cluster.settle();
    const { term } = leader.core;
    for (const node of cluster.nodes) {
      node.host = { ...node.host, turnMaxMs: 8 * tickMs };
    }
    cluster.run(100 * cluster.electionMs);
    expect([leader.leads, leader.core.term, cluster.invariants.elections]).toEqual([true, term, 1]);
  });
});
