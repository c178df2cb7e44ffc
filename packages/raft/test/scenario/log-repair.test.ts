import { describe, expect, test } from "vitest";
import { type Append, type Message, MessageKind, type NodeId } from "../../src/core/message.ts";
import { preloadedLog, SimCluster } from "../../src/testing/index.ts";
import { APPENDS, forSeeds, ledByFirst, messages } from "./cluster.test.kit.ts";

describe("R1 the logs of figure 7 of the Raft paper", () => {
  const LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  /** The six followers' logs, and the terms in each that contradict the leader's. */
  const FOLLOWERS: readonly [NodeId, number[], number][] = [
    [2, [1, 1, 1, 4, 4, 5, 5, 6, 6], 0],
    [3, [1, 1, 1, 4], 0],
    [4, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 1],
    [5, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 1],
    [6, [1, 1, 1, 4, 4, 4, 4], 1],
    [7, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 2],
  ];

  test("R1 converge in few messages per follower", () => {
    const logs = new Map(
      [[1, LEADER] as const, ...FOLLOWERS].map(([id, terms]) => [
        id,
        preloadedLog(terms, { term: 7 }),
      ]),
    );
    const cluster = new SimCluster({ seed: 1, nodeCount: 7, logs });
    const sent = cluster.network.record();
    const leader = cluster.electLeader(1);
    expect(leader.core.term).toBe(8);
    cluster.settle();
    for (const [id, , contradicting] of FOLLOWERS) {
      expect(cluster.node(id).core.lastChain).toBe(leader.core.lastChain);
      // Empty appends only tell what is committed when all entries are there.
      const appends = sent.filter(messages(APPENDS, 1, id)).filter(isProbeOrEntries);
      expect(appends.length, `appends to ${id}`).toBeLessThanOrEqual(contradicting + 2);
    }
  });

  function isProbeOrEntries(message: Message): boolean {
    const { prevIndex, batches } = message as Append;
    return batches.length > 0 || prevIndex <= LEADER.length;
  }
});

test("R2 an entry of an earlier term is committed only together with one of the leader's own", () => {
  const logs = new Map([
    [1, preloadedLog([1, 1, 2], { term: 3 })],
    [2, preloadedLog([1, 1, 2], { term: 3 })],
    [3, preloadedLog([1, 1], { term: 3 })],
    [4, preloadedLog([1, 1], { term: 3 })],
    [5, preloadedLog([1, 1, 3])],
  ]);
  const core = { maxAppendBytes: 1 };
  const cluster = new SimCluster({ seed: 2, nodeCount: 5, logs, core });
  const { network } = cluster;
  const leader = cluster.node(1);
  const ofTermFour = (message: Message): boolean =>
    message.kind === MessageKind.append && message.batches.some(({ term }) => term === 4);
  network.hold((message) => {
    const isRival = message.from !== 1 && message.kind === MessageKind.preVote;
    return isRival || ofTermFour(message);
  });
  cluster.runUntil(() => leader.leads, 60 * cluster.electionMs, "leader 1");
  expect(leader.core.term).toBe(4);
  const holders = (index: number): number =>
    cluster.nodes.filter(({ disk: { durable } }) => durable.lastIndex >= index).length;
  cluster.run(5 * cluster.electionMs);
  expect(leader.leads).toBe(true);
  expect(leader.core.progress().filter(({ matchIndex }) => matchIndex >= 3).length).toBe(4);
  expect(holders(3)).toBe(5);
  expect(leader.core.commitIndex).toBe(0);
  network.hold((message) => message.from !== 1 && message.kind === MessageKind.preVote);
  network.deliverHeld(ofTermFour);
  cluster.runUntil(() => leader.core.commitIndex > 0, cluster.electionMs, "a commit");
  expect(leader.core.commitIndex).toBe(4);
});

test("R3 uncommitted entries of a leader that was cut off are replaced, and nobody was told of them", () => {
  const cluster = ledByFirst();
  const [first] = cluster.nodes;
  cluster.network.cut([1], [2, 3]);
  const lost = Array.from({ length: 10 }, () => cluster.write(1));
  cluster.runUntil(() => cluster.leader?.id !== 1, 5 * cluster.electionMs, "the end of leader 1");
  cluster.runUntil(() => cluster.leader !== null, 5 * cluster.electionMs, "another leader");
  const next = cluster.leader!;
  const kept = Array.from({ length: 8 }, () => cluster.write(next.id));
  cluster.run(cluster.electionMs);
  expect(kept.map(({ outcome }) => outcome)).toEqual(Array.from(kept, () => "ok"));
  const before = first!.disk.issued.lastIndex;
  cluster.network.heal();
  cluster.settle();
  expect(cluster.invariants.truncations).toBe(1);
  expect(before).toBe(11);
  expect(first!.core.lastChain).toBe(next.core.lastChain);
  for (const { outcome } of lost) {
    expect(["unknown", "refused"]).toContain(outcome);
  }
  for (const { key, index } of kept) {
    expect(index).toBeGreaterThan(0);
    expect(first!.machine.read(key)).toBe(kept.at(-1)!.id);
  }
});

/** Node 1 leads term 2 with 11 committed entries; node 3, just started, has 1:10 to 1:12 instead. */
function staleSuffix(seed: number): SimCluster {
  const nine = Array.from({ length: 9 }, () => 1);
  const logs = new Map([
    [1, preloadedLog(nine)],
    [2, preloadedLog(nine)],
    [3, preloadedLog([...nine, 1, 1, 1])],
  ]);
  const cluster = new SimCluster({ seed, nodeCount: 3, logs, down: [3] });
  cluster.electLeader(1);
  cluster.write(1);
  cluster.run(cluster.electionMs);
  expect(cluster.node(1).core).toMatchObject({ term: 2, commitIndex: 11, lastIndex: 11 });
  cluster.network.hold(({ to }) => to === 3);
  cluster.script(() => cluster.node(3).start());
  return cluster;
}

/** What node 1 may send to node 3 after the ninth entry. */
function appendAfterNine({ nodes }: SimCluster, batches: Append["batches"]): Append {
  const { clock } = nodes[0]!;
  return {
    kind: MessageKind.append,
    from: 1,
    to: 3,
    term: 2,
    prevIndex: 9,
    prevTerm: 1,
    batches,
    commitIndex: 11,
    sentAtMs: clock.nowMs(),
    readToken: 0,
  };
}

test("R4 a follower commits no further than what the append verified", () => {
  const cluster = staleSuffix(4);
  const stale = cluster.node(3);
  cluster.network.inject(appendAfterNine(cluster, []));
  cluster.run(20);
  expect(stale.core).toMatchObject({ leaderId: 1, commitIndex: 9, lastIndex: 12 });
  cluster.network.unhold();
  cluster.network.take();
  cluster.settle();
  expect(stale.core).toMatchObject({ commitIndex: 11, lastIndex: 11 });
});

test("R4 a crash between the new term and the new entries leaves no commit of the old ones", () => {
  const kept = new Set<string>();
  forSeeds(40, (seed) => {
    const cluster = staleSuffix(seed);
    const stale = cluster.node(3);
    stale.disk.hold();
    const entries = cluster.node(1).disk.issued.read(10, 11, Infinity)!;
    cluster.network.inject(appendAfterNine(cluster, entries));
    cluster.run(1);
    expect(stale.core).toMatchObject({ commitIndex: 11, lastIndex: 11 });
    cluster.script(() => {
      stale.crash();
      stale.start();
    });
    const { term, commitIndex, lastIndex, lastTerm } = stale.core;
    kept.add(`t${term} last ${lastTerm}:${lastIndex}`);
    expect(commitIndex).toBeLessThanOrEqual(9);
    cluster.network.unhold();
    cluster.network.take();
    cluster.settle();
    expect(stale.core).toMatchObject({ commitIndex: 11, lastIndex: 11 });
  });
  // Nothing, the term, the cut, one entry and both of them got to the disk.
  expect(kept.size).toBe(5);
});
