import { describe, expect, test } from "vitest";
import { InputKind } from "../../src/core/input.ts";
import { MessageKind, type NodeId } from "../../src/core/message.ts";
import { Role } from "../../src/core/output.ts";
import { type ClientCall, SimCluster } from "../../src/testing/index.ts";
import { APPENDS, forSeeds, ledByFirst, messages, writeEach } from "./cluster.test.kit.ts";
import { ask, changeTo, refusal } from "./members.test.kit.ts";

const TIMEOUT_NOW = messages([MessageKind.timeoutNow]);

function transfer(to: NodeId): { readonly action: "transfer"; readonly to: NodeId } {
  return { action: "transfer", to };
}

test("T1 an up-to-date target leads without anybody waiting for a timeout; no write is lost or doubled", () => {
  forSeeds(10, (seed) => {
    const cluster = ledByFirst({ seed });
    const calls: ClientCall[] = [];
    for (let i = 0; i < 20; i++) {
      calls.push(cluster.write(1));
    }
    expect(refusal(cluster, 1, transfer(2))).toBe("");
    const startMs = cluster.nowMs;
    cluster.runUntil(() => cluster.leader?.id === 2, cluster.electionMs, "node 2 as the leader");
    expect(cluster.nowMs - startMs).toBeLessThan(cluster.electionMs / 10);
    cluster.settle();
    expect(calls.map(({ outcome }) => outcome)).toEqual(calls.map(() => "ok"));
    expect(cluster.invariants.elections).toBe(2);
    cluster.read(2);
    cluster.settle();
    cluster.checkHistory();
  });
});

describe("T2 a target that lags", () => {
  test("T2 gets the entries first, and the word when it has them", () => {
    const cluster = ledByFirst();
    cluster.network.cut([3], [1, 2]);
    writeEach(cluster, 1, 1000);
    cluster.run(50);
    cluster.network.hold(TIMEOUT_NOW);
    expect(refusal(cluster, 1, transfer(3))).toBe("");
    cluster.network.heal();
    cluster.runUntil(() => cluster.network.held.length > 0, cluster.electionMs, "the word");
    const { lastIndex } = cluster.node(1).core;
    expect(cluster.node(3).disk.durable.lastIndex).toBe(lastIndex);
    cluster.network.unhold();
    cluster.network.deliverHeld();
    cluster.runUntil(() => cluster.leader?.id === 3, cluster.electionMs, "node 3 as the leader");
  });

  test("T2 and does not come after: the transfer ends within an election timeout, writes are taken again", () => {
    const cluster = ledByFirst();
    cluster.network.cut([3], [1, 2]);
    writeEach(cluster, 1, 10);
    cluster.run(10);
    ask(cluster, 1, transfer(3));
    const early = cluster.write(1);
    cluster.run(cluster.electionMs / 2);
    expect(early.outcome).toBe("refused");
    cluster.run(cluster.electionMs / 2 + 50);
    const late = cluster.write(1);
    cluster.run(50);
    expect(late.outcome).toBe("ok");
    expect(cluster.leader?.id).toBe(1);
  });
});

test("T3 a target that dies as it gets the word: within two timeouts somebody takes writes", () => {
  const cluster = ledByFirst();
  cluster.network.hold(TIMEOUT_NOW);
  ask(cluster, 1, transfer(2));
  cluster.runUntil(() => cluster.network.held.length > 0, 1000, "the word");
  cluster.network.unhold();
  cluster.network.deliverHeld();
  cluster.node(2).crash();
  cluster.run(cluster.electionMs + 50);
  const write = cluster.write(cluster.leader!.id);
  cluster.run(50);
  expect(write.outcome).toBe("ok");
});

describe("T4 the word", () => {
  test("T4 lost: the leader goes on", () => {
    const cluster = ledByFirst();
    cluster.network.hold(TIMEOUT_NOW);
    ask(cluster, 1, transfer(2));
    cluster.run(1.1 * cluster.electionMs);
    expect(cluster.network.take()).toHaveLength(1);
    expect(cluster.node(1).core).toMatchObject({ role: Role.leader, transferTo: 0 });
    expect(cluster.invariants.elections).toBe(1);
  });

  test("T4 twice: one election", () => {
    const cluster = ledByFirst();
    cluster.network.hold(TIMEOUT_NOW);
    ask(cluster, 1, transfer(2));
    cluster.runUntil(() => cluster.network.held.length > 0, 1000, "the word");
    const [word] = cluster.network.take();
    cluster.network.unhold();
    cluster.network.inject(word!);
    cluster.network.inject(word!);
    cluster.settle();
    cluster.network.inject(word!);
    cluster.run(5 * cluster.electionMs);
    expect(cluster.invariants.elections).toBe(2);
    expect(cluster.leader?.id).toBe(2);
  });

  test("T4 late, in a newer term: nothing happens", () => {
    const cluster = ledByFirst();
    cluster.network.hold(TIMEOUT_NOW);
    ask(cluster, 1, transfer(2));
    cluster.run(2 * cluster.electionMs);
    const [word] = cluster.network.take();
    cluster.network.unhold();
    ask(cluster, 1, transfer(3));
    cluster.runUntil(() => cluster.leader?.id === 3, cluster.electionMs, "node 3 as the leader");
    cluster.settle();
    const { elections } = cluster.invariants;
    cluster.run(10 * cluster.electionMs);
    cluster.network.inject(word!);
    cluster.run(10 * cluster.electionMs);
    expect(cluster.invariants.elections).toBe(elections);
  });

  test("T4 late, in the same term: one more election, and no read of the old leader is stale", () => {
    const cluster = ledByFirst();
    cluster.network.hold(TIMEOUT_NOW);
    ask(cluster, 1, transfer(2));
    cluster.run(10 * cluster.electionMs);
    expect(cluster.node(1).core.leaseUntilMs()).toBe(0);
    const [word] = cluster.network.take();
    cluster.network.unhold();
    cluster.network.cut([1], [2, 3]);
    cluster.network.inject(word!);
    cluster.runUntil(() => cluster.leader?.id === 2, cluster.electionMs, "node 2 as the leader");
    cluster.write(2);
    const stale = cluster.read(1);
    cluster.run(2 * cluster.electionMs);
    expect(stale.outcome).toBe("refused");
    cluster.network.heal();
    cluster.settle();
    cluster.checkHistory();
  });
});

describe("T5 a transfer", () => {
  test("T5 to who cannot lead is refused with a reason", () => {
    const cluster = new SimCluster({ seed: 1, nodeCount: 5, voters: [1, 2, 3], observers: [4] });
    cluster.electLeader(1);
    cluster.settle();
    changeTo(cluster, [1, 2], [4]);
    for (const [to, reason] of [
      [1, "target"],
      [99, "target"],
      [4, "target"],
      [3, "target"],
      [5, "target"],
    ] as const) {
      expect(refusal(cluster, 1, transfer(to))).toBe(reason);
    }
    expect(refusal(cluster, 2, transfer(1))).toBe("notLeader");
    expect(cluster.node(1).core.transferTo).toBe(0);
  });

  test("T5 to another node replaces the first, to the same one changes nothing", () => {
    const cluster = ledByFirst();
    cluster.network.hold(({ to }) => to !== 1);
    cluster.write(1);
    cluster.run(1);
    ask(cluster, 1, transfer(2));
    cluster.run(cluster.electionMs / 2);
    ask(cluster, 1, transfer(2));
    expect(cluster.node(1).core.transferTo).toBe(2);
    ask(cluster, 1, transfer(3));
    expect(cluster.node(1).core.transferTo).toBe(3);
    cluster.network.unhold();
    cluster.network.deliverHeld();
    cluster.runUntil(() => cluster.leader?.id === 3, cluster.electionMs, "node 3 as the leader");
  });

  test("T5 again to the same one does not put off its end", () => {
    const cluster = ledByFirst();
    cluster.network.cut([2], [1, 3]);
    ask(cluster, 1, transfer(2));
    for (let i = 0; i < 11; i++) {
      cluster.run(cluster.electionMs / 10);
      cluster.ask(1, transfer(2));
      if (cluster.node(1).core.transferTo === 0) {
        return;
      }
    }
    expect.fail("the transfer goes on");
  });

  test("T5 to nobody in particular goes to who has most of the log", () => {
    const cluster = ledByFirst();
    cluster.network.cut([2], [1, 3]);
    cluster.write(1);
    cluster.run(10);
    ask(cluster, 1, transfer(0));
    cluster.runUntil(() => cluster.leader?.id === 3, cluster.electionMs, "node 3 as the leader");
  });
});

describe("T6 only the successor of a leader may disturb it", () => {
  const head = { lastIndex: 99, lastTerm: 99, isSuccessor: true } as const;

  test("T6 a vote with the mark is granted although the leader lives", () => {
    const cluster = ledByFirst();
    const { term } = cluster.node(1).core;
    const request = { kind: MessageKind.vote, from: 2, to: 3, term: term + 1, ...head };
    cluster.node(3).step({ kind: InputKind.message, message: { ...request, isSuccessor: false } });
    expect(cluster.node(3).core.term).toBe(term);
    cluster.node(3).step({ kind: InputKind.message, message: request });
    expect(cluster.node(3).core).toMatchObject({ term: term + 1, vote: 2 });
  });

  test("T6 the mark of a node that is no voter is worth nothing", () => {
    const cluster = new SimCluster({ seed: 1, nodeCount: 4, voters: [1, 2, 3], observers: [4] });
    cluster.electLeader(1);
    cluster.settle();
    const { term } = cluster.node(1).core;
    for (const from of [4, 9]) {
      const request = { kind: MessageKind.vote, from, to: 3, term: term + 1, ...head };
      cluster.node(3).step({ kind: InputKind.message, message: request });
      expect(cluster.node(3).core.term).toBe(term);
    }
  });
});

test("T7 under load every write is answered fast, and those acknowledged are there once", () => {
  forSeeds(5, (seed) => {
    const cluster = ledByFirst({ seed });
    const calls: ClientCall[] = [];
    for (let round = 0; round < 40; round++) {
      calls.push(cluster.write(cluster.leader?.id ?? 1));
      if (round === 20) {
        cluster.ask(1, transfer(2));
      }
      cluster.run(10);
    }
    cluster.settle();
    expect(cluster.leader?.id).toBe(2);
    for (const { outcome, settledAtMs, invokedAtMs } of calls) {
      expect(["ok", "refused"]).toContain(outcome);
      expect(settledAtMs - invokedAtMs).toBeLessThan(cluster.electionMs);
    }
    expect(calls.filter(({ outcome }) => outcome === "ok").length).toBeGreaterThan(30);
    cluster.read(2);
    cluster.settle();
    cluster.checkHistory();
  });
});

test("T11 a late append of the old term does not call off the successor; it wins the first round", () => {
  const cluster = ledByFirst();
  cluster.network.hold(messages([...APPENDS, MessageKind.heartbeat], 1, 2));
  cluster.run(2 * cluster.options.heartbeatMs);
  const late = cluster.network.take();
  expect(late.length).toBeGreaterThan(0);
  cluster.network.unhold();
  cluster.network.hold(TIMEOUT_NOW);
  ask(cluster, 1, transfer(2));
  cluster.runUntil(() => cluster.network.held.length > 0, 1000, "the word");
  cluster.network.unhold();
  cluster.network.deliverHeld();
  cluster.runUntil(() => cluster.node(2).core.role === Role.candidate, 100, "a candidate");
  for (const message of late) {
    cluster.network.inject(message);
  }
  const { term } = cluster.node(2).core;
  cluster.runUntil(() => cluster.leader?.id === 2, cluster.electionMs / 2, "node 2 as the leader");
  expect(cluster.leader!.core.term).toBe(term);
});
