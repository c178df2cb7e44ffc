import { describe, expect, test } from "vitest";
import { EntryType, recordTimestamp, recordType } from "../entry/record.ts";
import { batchOf, entries, ranges } from "./entries.test.kit.ts";
import { type CoreSetup, HandDriven, ofKind, sentTo } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import { accepted, append, heartbeat, heartbeatReply, voteReply } from "./messages.test.kit.ts";
import { DropReason, Role } from "./output.ts";

function leader(setup: CoreSetup = {}): HandDriven {
  const node = new HandDriven(setup);
  node.win();
  node.persistAll();
  return node;
}

describe("a new leader", () => {
  test("opens its term with an empty entry, on its way to disk and followers at once", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    const output = node.win();
    expect(output.roleChange).toEqual({ role: Role.leader, term: 2, leaderId: 1 });
    const { write } = output;
    expect(ranges(write!.batches)).toEqual([[3, 3]]);
    expect(recordType(write!.batches[0]!.bytes, 0)).toBe(EntryType.noop);
    expect(recordTimestamp(write!.batches[0]!.bytes, 0)).toBe(1_000_000);
    for (const peer of [2, 3]) {
      expect(sentTo(output.messages, peer)).toMatchObject([
        { kind: MessageKind.append, term: 2, prevIndex: 2, prevTerm: 1, batches: write!.batches },
      ]);
    }
  });

  test("sends heartbeats at their interval, with what each follower may commit", () => {
    const node = leader();
    node.receive(accepted(1, 1));
    const heartbeats = ofKind(node.tick(100).messages, MessageKind.heartbeat);
    expect(heartbeats.map(({ to, commitIndex }) => [to, commitIndex])).toEqual([
      [2, 1],
      [3, 0],
    ]);
    expect(heartbeats[0]!.sentAtMs).toBe(node.nowMs);
    expect(ofKind(node.tick(50).messages, MessageKind.heartbeat)).toEqual([]);
    expect(ofKind(node.tick(50).messages, MessageKind.heartbeat)).toHaveLength(2);
  });

  test("follows a leader of a later term", () => {
    for (const message of [
      heartbeat(2),
      append({ term: 2 }),
      heartbeatReply(2),
      accepted(2, 0),
      voteReply(2, false),
    ]) {
      const node = leader();
      const output = node.receive(message);
      expect([node.core.role, node.core.term]).toEqual([Role.follower, 2]);
      expect(output.leadershipLost).toBe(true);
    }
  });

  test("refuses to go on when its term has another leader", () => {
    const node = leader();
    expect(() => node.receive(heartbeat(1))).toThrow("a term has one leader");
  });

  test("who lost leadership sends nothing as a leader any more", () => {
    const node = leader();
    node.receive(accepted(1, 1));
    node.feed({ kind: InputKind.propose, batch: node.nextBatch() });
    node.feed({ kind: InputKind.read, token: 3 });
    node.feed({ kind: InputKind.message, message: heartbeat(2) });
    expect(node.take().messages).toMatchObject([{ kind: MessageKind.heartbeatReply, term: 2 }]);
  });

  test("says that leadership was lost also when it was won again in between", () => {
    const node = new HandDriven({ voters: [1, 2, 3] });
    node.win();
    node.feed({ kind: InputKind.message, message: heartbeat(2) });
    expect(node.take().leadershipLost).toBe(true);
    expect(node.take().leadershipLost).toBe(false);
  });
});

describe("proposals", () => {
  test("go to disk and to followers in one turn, as few messages", () => {
    const node = leader();
    node.receive(accepted(1, 1));
    const first = node.nextBatch(2);
    const second = batchOf(3, 48, 4, 1, first.chain);
    node.feed({ kind: InputKind.propose, batch: first });
    node.feed({ kind: InputKind.propose, batch: second });
    const output = node.take();
    expect(output.write!.batches).toEqual([first, second]);
    expect(sentTo(output.messages, 2)).toMatchObject([
      { kind: MessageKind.append, prevIndex: 1, batches: [first, second] },
    ]);
    expect(output.proposeDrops).toEqual([]);
  });

  test("are dropped by who does not lead", () => {
    const node = new HandDriven();
    const batch = node.nextBatch();
    expect(node.propose(batch).proposeDrops).toEqual([{ batch, reason: DropReason.notLeader }]);
    expect([node.core.lastIndex, node.core.hasOutput]).toEqual([0, false]);
  });

  test("are dropped when they do not continue the log in the present term", () => {
    const node = leader();
    const { lastChain } = node.core;
    const wrong = [
      batchOf(1, 48, 3, 1, lastChain),
      batchOf(1, 48, 1, 1, lastChain),
      batchOf(1, 48, 2, 1, lastChain + 1),
      batchOf(1, 48, 2, 2, lastChain),
    ];
    for (const batch of wrong) {
      expect(node.propose(batch).proposeDrops).toEqual([{ batch, reason: DropReason.outOfOrder }]);
    }
    expect(node.core.lastIndex).toBe(1);
  });
});

describe("check-quorum", () => {
  test("a leader that hears no quorum steps down", () => {
    const node = leader();
    node.pass(900);
    expect(node.core.role).toBe(Role.leader);
    node.pass(150);
    expect([node.core.role, node.core.term, node.core.leaderId]).toEqual([Role.follower, 1, 0]);
  });

  test("answers of a quorum keep it, whatever the rest does", () => {
    const node = leader({ voters: [1, 2, 3, 4, 5] });
    for (let i = 0; i < 100; i++) {
      node.receive(heartbeatReply(1, { from: 2 }));
      node.receive(heartbeatReply(1, { from: 4 }));
      node.tick(100);
    }
    expect(node.core.role).toBe(Role.leader);
    for (let i = 0; i < 20; i++) {
      node.receive(heartbeatReply(1, { from: 2 }));
      node.tick(100);
    }
    expect(node.core.role).toBe(Role.follower);
  });

  test("answers of an earlier term do not count", () => {
    const node = leader({ log: entries(3) });
    for (let i = 0; i < 15; i++) {
      node.receive(heartbeatReply(3));
      node.tick(100);
    }
    expect(node.core.role).toBe(Role.follower);
  });

  test("after a stall the leader listens once more before it steps down", () => {
    const node = leader();
    node.tick(3000);
    expect(node.core.role).toBe(Role.leader);
    node.receive(heartbeatReply(1));
    node.tick(100);
    expect(node.core.role).toBe(Role.leader);
    node.tick(3000);
    node.tick(100);
    expect(node.core.role).toBe(Role.follower);
  });

  test("can be left out, and then there is no lease", () => {
    const node = leader({ options: { checkQuorum: false } });
    node.receive(heartbeatReply(1, { sentAtMs: node.nowMs }));
    node.pass(10_000);
    expect(node.core.role).toBe(Role.leader);
    expect(node.core.leaseUntilMs()).toBe(0);
  });

  test("a lone voter always has its quorum", () => {
    const node = leader({ voters: [1] });
    node.pass(10_000);
    expect(node.core.role).toBe(Role.leader);
    expect(node.core.leaseUntilMs()).toBe(Infinity);
  });
});

describe("the lease", () => {
  test("counts from when the messages left that a quorum answered, less the drift", () => {
    const node = leader({ voters: [1, 2, 3, 4, 5] });
    const startMs = node.nowMs;
    expect(node.core.leaseUntilMs()).toBe(0);
    node.nowMs += 500;
    node.receive(heartbeatReply(1, { from: 2, sentAtMs: startMs + 300 }));
    expect(node.core.leaseUntilMs()).toBe(0);
    node.receive(heartbeatReply(1, { from: 3, sentAtMs: startMs + 200 }));
    expect(node.core.leaseUntilMs()).toBe(startMs + 200 + 900);
    node.receive(accepted(1, 1, { from: 4, sentAtMs: startMs + 250 }));
    expect(node.core.leaseUntilMs()).toBe(startMs + 250 + 900);
  });

  test("never shrinks by an old answer, and never outruns the clock", () => {
    const node = leader();
    node.receive(heartbeatReply(1, { sentAtMs: node.nowMs }));
    const untilMs = node.core.leaseUntilMs();
    node.receive(heartbeatReply(1, { sentAtMs: 0 }));
    expect(node.core.leaseUntilMs()).toBe(untilMs);
    node.receive(heartbeatReply(1, { sentAtMs: node.nowMs + 5000 }));
    expect(node.core.leaseUntilMs()).toBe(untilMs);
  });

  test("ends with the leadership, and a later one starts without", () => {
    const node = leader();
    node.receive(heartbeatReply(1, { sentAtMs: node.nowMs }));
    node.receive(heartbeatReply(2));
    expect(node.core.leaseUntilMs()).toBe(0);
    node.nowMs += 1000;
    node.win();
    expect(node.core.leaseUntilMs()).toBe(0);
    node.receive(heartbeatReply(2, { sentAtMs: node.nowMs }));
    expect(node.core.leaseUntilMs()).toBe(0);
  });

  test("of a later leadership owes nothing to answers in an earlier one", () => {
    const node = leader({ voters: [1, 2, 3, 4, 5] });
    for (const from of [2, 3, 4, 5]) {
      node.receive(heartbeatReply(1, { from, sentAtMs: node.nowMs }));
    }
    node.receive(heartbeatReply(2));
    node.win();
    node.receive(heartbeatReply(3, { sentAtMs: node.nowMs }));
    expect(node.core.leaseUntilMs()).toBe(0);
    node.receive(heartbeatReply(3, { from: 3, sentAtMs: node.nowMs }));
    expect(node.core.leaseUntilMs()).toBe(node.nowMs + 900);
  });

  test("is over before a voter that answered would vote for another", () => {
    const voter = new HandDriven();
    voter.nowMs = 7000;
    const { sentAtMs } = ofKind(
      voter.receive(heartbeat(1, { sentAtMs: 6990 })).messages,
      MessageKind.heartbeatReply,
    )[0]!;
    const node = leader();
    node.nowMs = 7010;
    node.receive(heartbeatReply(1, { sentAtMs }));
    voter.nowMs = node.core.leaseUntilMs() + 100;
    const request = { from: 3, to: 1, term: 2, lastIndex: 9, lastTerm: 1, isSuccessor: false };
    expect(voter.receive({ kind: MessageKind.vote, ...request }).messages).toMatchObject([
      { granted: false },
    ]);
  });
});
