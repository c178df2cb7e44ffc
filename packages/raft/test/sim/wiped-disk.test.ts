import { describe, expect, test } from "vitest";
import { runRandom, SimCluster, type SimNode } from "../../src/testing/index.ts";

/** A leader of three, a follower whose disk was wiped and that is up again, and the other follower. */
function wipeOne(): { cluster: SimCluster; leader: SimNode; wiped: SimNode; other: SimNode } {
  const cluster = new SimCluster({ seed: 1, nodeCount: 3 });
  const leader = cluster.runUntilLeader();
  cluster.write(leader.id);
  cluster.settle();
  const [wiped, other] = cluster.nodes.filter((node) => node !== leader);
  wiped!.wipe();
  wiped!.start();
  return { cluster, leader, wiped: wiped!, other: other! };
}

describe("B2 a node that lost its disk and comes back with its old id", () => {
  test("is refused by all, hears nothing and is not counted", () => {
    const { cluster, leader, wiped, other } = wipeOne();
    cluster.network.cut([other.id], [leader.id, wiped.id]);
    const alone = cluster.write(leader.id);
    cluster.run(10 * cluster.electionMs);
    expect(alone.outcome).not.toBe("ok");
    expect([wiped.core.term, wiped.disk.durable.lastIndex]).toEqual([0, 0]);
    expect(cluster.handshakes.refused).toBeGreaterThanOrEqual(4);
    cluster.network.heal();
    const again = cluster.settle();
    const served = cluster.write(again.id);
    cluster.settle();
    expect([served.outcome, wiped.machine.appliedIndex]).toEqual(["ok", 0]);
  });

  test("is refused also by who was started again since, because stores are remembered for good", () => {
    const { cluster, wiped } = wipeOne();
    for (const node of cluster.nodes) {
      node.crash();
      node.start();
    }
    cluster.run(20 * cluster.electionMs);
    expect(cluster.settle().id).not.toBe(wiped.id);
    expect(wiped.disk.durable.lastIndex).toBe(0);
  });

  test("gets nothing that was on its way to what it was before", () => {
    const cluster = new SimCluster({ seed: 1, nodeCount: 3, link: { delayMinMs: 50 } });
    cluster.network.record();
    const leader = cluster.runUntilLeader();
    cluster.write(leader.id);
    cluster.run(30);
    const wiped = cluster.nodes.find((node) => node !== leader) as SimNode;
    wiped.wipe();
    wiped.start();
    cluster.run(200);
    expect([wiped.core.term, wiped.core.leaderId]).toEqual([0, 0]);
    expect(cluster.network.recorded?.some(({ to }) => to === wiped.id)).toBe(false);
  });
});

test("a run for wiped disks replays, and puts nodes with fresh ids in the place of those that lost theirs", () => {
  const lines: string[] = [];
  const first = runRandom(5, { focus: "wipe", onLine: (line) => lines.push(line) });
  expect(runRandom(5, { focus: "wipe" })).toEqual(first);
  expect(first.wipes).toBeGreaterThan(0);
  expect(first.refusedConnections).toBeGreaterThan(0);
  expect(lines.some((line) => line.includes("loses its disk"))).toBe(true);
});
