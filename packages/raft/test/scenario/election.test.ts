import { expect, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { EntryType, recordTerm, recordType } from "../../src/entry/record.ts";
import { preloadedLog, SimCluster } from "../../src/testing/index.ts";
import { forSeeds, messages, VOTES } from "./cluster.test.kit.ts";

test("E1 five fresh nodes elect one leader that opens its term with a no-op", () => {
  forSeeds(20, (seed) => {
    const cluster = new SimCluster({ seed, nodeCount: 5 });
    cluster.runUntil(() => cluster.leader !== null, 3 * cluster.electionMs, "a leader");
    const leader = cluster.leader!;
    expect(cluster.nodes.filter((node) => node.leads)).toEqual([leader]);
    cluster.run(cluster.options.heartbeatMs);
    for (const { core } of cluster.nodes) {
      expect(core.leaderId).toBe(leader.id);
    }
    const first = leader.disk.issued.recordAt(1);
    expect(recordType(first, 0)).toBe(EntryType.noop);
    expect(recordTerm(first, 0)).toBe(leader.core.term);
  });
});

test("E2 split votes resolve: the median of 100 elections takes at most two timeouts", () => {
  const times: number[] = [];
  let splitRounds = 0;
  forSeeds(100, (seed) => {
    const link = { delayMinMs: 5, delayMaxMs: 40 };
    const cluster = new SimCluster({ seed, nodeCount: 5, link });
    cluster.runUntil(() => cluster.leader !== null, 10 * cluster.electionMs, "a leader");
    times.push(cluster.nowMs);
    splitRounds += cluster.leader!.core.term - 1;
  });
  times.sort((a, b) => a - b);
  expect(splitRounds).toBeGreaterThan(0);
  expect(times[50]).toBeLessThanOrEqual(2000);
});

test("E2 the timeout is drawn again for each round", () => {
  const cluster = new SimCluster({ seed: 1, nodeCount: 2, host: { tickMs: 1 } });
  cluster.network.cut([1], [2]);
  const startsMs: number[] = [];
  const sent = cluster.network.record();
  while (startsMs.length < 30) {
    cluster.runUntil(() => sent.some(({ from }) => from === 1), 3000, "a campaign of node 1");
    startsMs.push(cluster.nowMs);
    sent.length = 0;
  }
  const rounds = startsMs.slice(1).map((atMs, i) => atMs - startsMs[i]!);
  expect(Math.min(...rounds)).toBeGreaterThanOrEqual(999);
  expect(Math.max(...rounds)).toBeLessThanOrEqual(2001);
  expect(new Set(rounds.map((ms) => Math.round(ms / 10))).size).toBeGreaterThan(15);
});

test("E3 of two logs the one with the later last term wins, though it is shorter", () => {
  let refused = 0;
  forSeeds(20, (seed) => {
    const longer = preloadedLog([1, 1, 1, 1, 1], { term: 2 });
    const newer = preloadedLog([1, 1, 1, 2]);
    const logs = new Map([
      [2, longer],
      [3, newer],
    ]);
    const cluster = new SimCluster({ seed, nodeCount: 3, logs, down: [1] });
    const sent = cluster.network.record();
    expect(cluster.runUntilLeader().id).toBe(3);
    expect(cluster.invariants.elections).toBe(1);
    refused += sent.filter(messages(VOTES, 2)).length;
    for (const message of sent.filter(
      messages([MessageKind.preVoteReply, MessageKind.voteReply], 3, 2),
    )) {
      expect(message).toMatchObject({ granted: false });
    }
  });
  expect(refused).toBeGreaterThan(0);
});
