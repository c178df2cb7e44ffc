import { describe, expect, test } from "vitest";
import { InputKind } from "../../src/core/input.ts";
import { Role } from "../../src/core/output.ts";
import { configurationOf } from "../../src/core/membership.ts";
import { MessageKind } from "../../src/core/message.ts";
import { FORCED_TERMS, planForcedMembers } from "../../src/node/forced-members.ts";
import { GOOD_LINK, SimCluster } from "../../src/testing/index.ts";
import { APPENDS, forSeeds, messages, writeEach } from "./cluster.test.kit.ts";
import {
  ask,
  changeByObserving,
  changeTo,
  hasMembers,
  prepare,
  refusal,
  SteadyWriter,
} from "./members.test.kit.ts";

/** Of `nodeCount` nodes the first three vote; node 1 leads. */
function threeOf(nodeCount: number, seed = 1): SimCluster {
  const cluster = new SimCluster({ seed, nodeCount, voters: [1, 2, 3] });
  cluster.electLeader(1);
  cluster.settle();
  return cluster;
}

test("M1 a member is added as an observer, catches up and is made a voter; writes never pause", () => {
  const cluster = threeOf(4);
  writeEach(cluster, 1, 2000);
  cluster.run(10);
  const writer = new SteadyWriter(cluster);
  changeTo(cluster, [1, 2, 3], [4]);
  changeTo(cluster, [1, 2, 3, 4]);
  writer.stop();
  const { matchIndex } = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 4)!;
  expect(matchIndex).toBeGreaterThan(2000 - cluster.options.catchUpEntries);
  expect(writer.longestGapMs).toBeLessThan(cluster.electionMs);
  expect(cluster.invariants.elections).toBe(1);
  cluster.settle();
  cluster.checkHistory();
});

test("M2 a member is replaced in one change; both majorities count meanwhile, the old one disturbs nobody", () => {
  const cluster = threeOf(4);
  changeTo(cluster, [1, 2, 3], [4]);
  cluster.settle();
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 4], [], { leavesByItself: false }))).toBe(
    "",
  );
  cluster.run(50);
  const { configuration } = cluster.node(1).core;
  expect(configuration).toMatchObject({ voters: [1, 2, 3], nextVoters: [1, 2, 4] });
  // 1 and 3 are a majority of the old half, of the new one 1 alone is none.
  cluster.network.cut([2, 4], [1, 3]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("ok");
  // Likewise with a majority of the new half only.
  cluster.network.cut([2, 3], [1, 4]);
  const again = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(again.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(refusal(cluster, 1, { action: "commit", prepareIndex: configuration.index })).toBe("");
  cluster.settle();
  expect(hasMembers(cluster, [1, 2, 4])).toBe(true);
  const { term } = cluster.node(1).core;
  cluster.run(50 * cluster.electionMs);
  expect(cluster.node(1).core).toMatchObject({ term, role: Role.leader });
  expect(cluster.node(3).core.role).toBe(Role.follower);
  cluster.checkHistory();
});

describe("M3 changes of every size complete under loss", () => {
  const [a, b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7, 8];
  const changes: [string, number[], number[]][] = [
    ["abc to cde", [a, b, c], [c, d, e]],
    ["ab to cd", [a, b], [c, d]],
    ["abcdef to abcgh", [a, b, c, d, e, f], [a, b, c, g, h]],
    ["abcde to abcdefg", [a, b, c, d, e], [a, b, c, d, e, f, g]],
    ["cde to abc", [c, d, e], [a, b, c]],
    ["cd to ab", [c, d], [a, b]],
    ["abcgh to abcdef", [a, b, c, g, h], [a, b, c, d, e, f]],
    ["abcdefg to abcde", [a, b, c, d, e, f, g], [a, b, c, d, e]],
  ];
  for (const [name, from, to] of changes) {
    test(`M3 ${name}`, () => {
      forSeeds(3, (seed) => {
        const link = { lossRate: 0.1, delayMaxMs: 5 };
        const cluster = new SimCluster({ seed, nodeCount: 8, voters: from, link });
        cluster.runUntilLeader();
        const writer = new SteadyWriter(cluster, 2);
        changeByObserving(cluster, to);
        writer.stop();
        expect(writer.acknowledged).toBeGreaterThan(0);
        cluster.network.setAllLinks(GOOD_LINK);
        cluster.settle();
        expect(hasMembers(cluster, to)).toBe(true);
        cluster.checkHistory();
      });
    });
  }
});

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

test("M6 a change waits for the one before it and for the leader's first commit; of rivals one wins", () => {
  const cluster = threeOf(5);
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4], { leavesByItself: false }))).toBe(
    "",
  );
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2], [], {}))).toBe("pending");
  cluster.run(50);
  const joint = cluster.node(1).core.configuration;
  expect(refusal(cluster, 1, { action: "abort", prepareIndex: joint.index })).toBe("");
  cluster.settle();
  // Leader 1 proposes {+4} to nobody; leader 2 proposes {-3} from the same members.
  cluster.network.cut([1], [2, 3, 4, 5]);
  ask(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4]));
  cluster.runUntil(() => cluster.leader !== null && cluster.leader.id !== 1, 10_000, "a rival");
  const rival = cluster.leader!;
  expect(rival.core.configuration.voters).toEqual([1, 2, 3]);
  const early = rival.core.isReadable ? "" : "notReady";
  expect(refusal(cluster, rival.id, prepare(cluster, rival.id, [1, 2], [3]))).toBe(early);
  cluster.runUntil(() => rival.core.isReadable, 1000, "a leader that may change members");
  cluster.network.heal();
  changeTo(cluster, [1, 2], [3]);
  cluster.settle();
  expect(cluster.node(1).core.configuration).toMatchObject({ voters: [1, 2], observers: [3] });
});

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

test("M13 a voter that becomes an observer counts in the old half only and keeps its progress", () => {
  const cluster = threeOf(3);
  writeEach(cluster, 1, 20);
  cluster.run(20);
  const before = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 3)!;
  ask(cluster, 1, prepare(cluster, 1, [1, 2], [3], { leavesByItself: false }));
  const after = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 3)!;
  expect(after.matchIndex).toBe(before.matchIndex);
  cluster.run(50);
  // 1 and 3 are a majority of the old half; of the new one, {1, 2}, they are none.
  cluster.network.cut([2], [1, 3]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("ok");
});

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

describe("M15 what makes no sense is refused before anything is appended", () => {
  const cases: [string, (cluster: SimCluster) => Parameters<typeof refusal>[2], string][] = [
    ["no voters", (c) => prepare(c, 1, []), "invalid"],
    ["a voter twice", (c) => prepare(c, 1, [1, 2, 2]), "invalid"],
    ["a voter that observes too", (c) => prepare(c, 1, [1, 2, 3], [3]), "invalid"],
    ["an id of 0", (c) => prepare(c, 1, [1, 2, 3], [0]), "invalid"],
    ["a node without an address", (c) => prepare(c, 1, [1, 2, 3], [4], { members: [] }), "invalid"],
    [
      "an address for nobody",
      (c) => prepare(c, 1, [1, 2], [], { members: [{ nodeId: 9, host: "x", port: 1 }] }),
      "invalid",
    ],
    [
      "an address of another",
      (c) =>
        prepare(c, 1, [1, 2, 3], [4, 5], {
          members: [
            { nodeId: 4, host: "x", port: 1 },
            { nodeId: 5, host: "x", port: 1 },
          ],
        }),
      "invalid",
    ],
    [
      "an address without a host",
      (c) => prepare(c, 1, [1, 2, 3], [4], { members: [{ nodeId: 4, host: "", port: 7001 }] }),
      "invalid",
    ],
    [
      "an address with port 0",
      (c) => prepare(c, 1, [1, 2, 3], [4], { members: [{ nodeId: 4, host: "x", port: 0 }] }),
      "invalid",
    ],
    [
      "an address with a port that there is not",
      (c) => prepare(c, 1, [1, 2, 3], [4], { members: [{ nodeId: 4, host: "x", port: 70_000 }] }),
      "invalid",
    ],
    [
      "wrong old members",
      (c) => prepare(c, 1, [1, 2], [], { old: { voters: [1, 2], observers: [3] } }),
      "oldMembers",
    ],
    ["a commit of nothing", () => ({ action: "commit", prepareIndex: 7 }), "prepareIndex"],
    ["an abort of nothing", () => ({ action: "abort", prepareIndex: 7 }), "prepareIndex"],
  ];
  for (const [name, request, reason] of cases) {
    test(`M15 ${name}`, () => {
      const cluster = threeOf(5);
      const { lastIndex } = cluster.node(1).core;
      expect(refusal(cluster, 1, request(cluster))).toBe(reason);
      expect(cluster.node(1).core.lastIndex).toBe(lastIndex);
    });
  }

  test("M15 anything, of a node that does not lead", () => {
    const cluster = threeOf(4);
    expect(refusal(cluster, 2, prepare(cluster, 2, [1, 2]))).toBe("notLeader");
    expect(refusal(cluster, 4, prepare(cluster, 4, [4]))).toBe("notLeader");
    expect(refusal(cluster, 2, { action: "abort", prepareIndex: 1 })).toBe("notLeader");
  });
});

describe("M16 every step may be repeated", () => {
  test("M16 a joint configuration is ended once, whatever was applied when", () => {
    forSeeds(5, (seed) => {
      const cluster = threeOf(4, seed);
      changeTo(cluster, [1, 2, 3], [4]);
      cluster.settle();
      ask(cluster, 1, prepare(cluster, 1, [2, 3, 4]));
      cluster.run(seed * 2);
      cluster.node(1).crash();
      cluster.node(1).start();
      changeTo(cluster, [2, 3, 4]);
      cluster.settle();
      const kinds = countConfigs(cluster, 2);
      expect(kinds.filter((kind) => kind === "joint [1,2,3]>[2,3,4]").length).toBe(1);
      expect(kinds.filter((kind) => kind === "[2,3,4]").length).toBe(1);
    });
  });

  test("M16 prepare, commit and abort answer a repetition as they answered first", () => {
    const cluster = threeOf(4);
    const request = prepare(cluster, 1, [1, 2, 3], [4], { leavesByItself: false });
    const first = ask(cluster, 1, request).answer!;
    expect(ask(cluster, 1, request).answer).toMatchObject({ index: first.index, refusal: null });
    const commit = { action: "commit", prepareIndex: first.index } as const;
    cluster.run(20);
    const done = ask(cluster, 1, commit).answer!;
    expect(done).toMatchObject({ index: first.index + 1, refusal: null });
    cluster.run(20);
    expect(ask(cluster, 1, commit).answer).toMatchObject({ index: done.index, refusal: null });
    expect(ask(cluster, 1, request).answer).toMatchObject({ index: done.index, refusal: null });
    expect(refusal(cluster, 1, { action: "abort", prepareIndex: first.index })).toBe(
      "prepareIndex",
    );
    const { lastIndex } = cluster.node(1).core;
    expect(lastIndex).toBe(done.index);
  });

  test("M16 a commit before the joint configuration is committed is put off", () => {
    const cluster = threeOf(4);
    cluster.network.hold(messages(APPENDS));
    const { index } = ask(cluster, 1, prepare(cluster, 1, [1, 2, 3], [4])).answer!;
    const commit = { action: "commit", prepareIndex: index } as const;
    expect(refusal(cluster, 1, commit)).toBe("notCommitted");
    expect(refusal(cluster, 1, { action: "abort", prepareIndex: index })).toBe("");
    expect(refusal(cluster, 1, { action: "abort", prepareIndex: index })).toBe("");
    expect(refusal(cluster, 1, commit)).toBe("prepareIndex");
    cluster.network.unhold();
    cluster.settle();
    expect(hasMembers(cluster, [1, 2, 3])).toBe(true);
  });
});

test("M17 who has not caught up is not made a voter; by force it is, and three of four serve", () => {
  const cluster = threeOf(4);
  cluster.network.cut([4], [1, 2, 3]);
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 3, 4]))).toBe("behind");
  changeTo(cluster, [1, 2, 3], [4]);
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 3, 4]))).toBe("behind");
  const forced = prepare(cluster, 1, [1, 2, 3, 4], [], { isForced: true });
  expect(refusal(cluster, 1, forced)).toBe("");
  cluster.runUntil(() => hasMembers(cluster, [1, 2, 3, 4]), 2000, "four voters");
  const write = cluster.write(1);
  cluster.run(50);
  expect(write.outcome).toBe("ok");
  cluster.network.cut([3], [1, 2]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
});

test("M20 fifty changes under crashes and partitions end with the last committed members everywhere", () => {
  const nodeCount = 9;
  const all = Array.from({ length: nodeCount }, (_, i) => i + 1);
  let removals = 0;
  forSeeds(1, (seed) => {
    const options = { voters: [1, 2, 3], observers: [4, 5], host: { tickMs: 50 } };
    const cluster = new SimCluster({ seed, nodeCount, ...options });
    cluster.runUntilLeader();
    const writer = new SteadyWriter(cluster, 100);
    const { random } = cluster;
    let changes = 0;
    for (let round = 0; changes < 50; round++) {
      expect(round).toBeLessThan(500);
      const strike = random.int(1, nodeCount);
      if (random.chance(0.5)) {
        const others = all.filter((id) => id !== strike);
        cluster.network.cut([strike], others);
      } else if (cluster.node(strike).isUp) {
        cluster.node(strike).crash();
      }
      const { leader } = cluster;
      if (leader !== null) {
        const { voters, observers, removed } = leader.core.configuration;
        const rest = all.filter((id) => !removed.includes(id));
        const known = rest.filter((id) => voters.includes(id) || observers.includes(id));
        const leaving = known.length > 4 && random.chance(0.1) ? random.pick(known) : 0;
        const joining = random.pick(rest);
        const members = rest.filter(
          (id) => id !== leaving && (known.includes(id) || id === joining),
        );
        const next = members.filter(() => random.chance(0.6));
        const followers = members.filter((id) => !next.includes(id));
        const call = cluster.ask(leader.id, prepare(cluster, leader.id, next, followers));
        cluster.run(random.between(10, cluster.electionMs));
        changes += call.answer !== null && call.answer.refusal === null ? 1 : 0;
      }
      cluster.network.heal();
      if (!cluster.node(strike).isUp) {
        cluster.node(strike).start();
      }
      cluster.run(random.between(10, cluster.electionMs));
    }
    writer.stop();
    const isOver = (): boolean => {
      const core = cluster.leader?.core;
      const active = core?.configuration;
      const members = [...(active?.voters ?? []), ...(active?.observers ?? [])];
      return (
        core !== undefined &&
        active?.nextVoters.length === 0 &&
        active.index <= core.commitIndex &&
        members.every((id) => cluster.node(id).core.appliedIndex === core.lastIndex)
      );
    };
    cluster.runUntil(isOver, 60 * cluster.electionMs, "rest of all members");
    const { configuration, term } = cluster.leader!.core;
    const members = [...configuration.voters, ...configuration.observers];
    for (const id of members) {
      expect(cluster.node(id).core.configuration).toEqual(configuration);
    }
    removals += configuration.removed.length;
    // Whoever left runs still, and is heard of no more.
    const { elections } = cluster.invariants;
    cluster.run(30 * cluster.electionMs);
    expect([cluster.leader?.core.term, cluster.invariants.elections]).toEqual([term, elections]);
    for (const node of cluster.nodes.filter(({ id }) => !members.includes(id))) {
      expect(node.leads).toBe(false);
    }
    expect(writer.acknowledged).toBeGreaterThan(0);
    cluster.checkHistory();
  });
  expect(removals).toBeGreaterThan(2);
});

/** The configurations in the log of node `id`, in order. */
function countConfigs(cluster: SimCluster, id: number): string[] {
  const { configs } = cluster.node(id).disk.durable.state();
  return configs.map((entry) => {
    const { voters, nextVoters } = configurationOf(entry);
    return nextVoters.length === 0
      ? `[${String(voters)}]`
      : `joint [${String(voters)}]>[${String(nextVoters)}]`;
  });
}

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
