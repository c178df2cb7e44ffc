import { describe, expect, test } from "vitest";
import { configurationOf } from "../../src/core/membership.ts";
import type { SimCluster } from "../../src/testing/index.ts";
import { APPENDS, forSeeds, messages } from "./cluster.test.kit.ts";
import { ask, changeTo, hasMembers, prepare, refusal, threeOf } from "./members.test.kit.ts";

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
