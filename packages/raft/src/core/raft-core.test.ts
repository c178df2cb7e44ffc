import { describe, expect, test } from "vitest";
import { entries, ranges } from "./entries.test.kit.ts";
import { HandDriven, idleFollower, startCore } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import {
  accepted,
  append,
  heartbeat,
  heartbeatReply,
  preVoteReply,
  vote,
  voteReply,
} from "./messages.test.kit.ts";
import { Role } from "./output.ts";

describe("messages", () => {
  test("answers of nodes that are no members, and messages to others, are not read", () => {
    const node = new HandDriven();
    node.nowMs = 5000;
    const before = node.core.clone();
    const strangers = [
      heartbeatReply(9, { from: 4 }),
      accepted(9, 1, { from: 4 }),
      voteReply(9, false, 4),
      preVoteReply(9, false, 4),
      heartbeat(9, { from: 1 }),
      heartbeat(9, { to: 3 }),
    ];
    for (const message of strangers) {
      node.feed({ kind: InputKind.message, message });
      before.step({ kind: InputKind.applied, index: 0 }, 5000, 1_000_000);
      expect(node.core.digest()).toBe(before.digest());
    }
  });

  test("of a leader and of a candidate count although this node does not know them yet", () => {
    // They may be members by entries that this node does not hold.
    const node = idleFollower();
    const replies = node.receive(vote(9, 9, 9, 4));
    expect([node.core.term, node.core.vote]).toEqual([9, 4]);
    expect(replies.write?.hardState).toMatchObject({ term: 9, vote: 4 });
    node.receive(append({ term: 10, from: 5 }));
    expect(node.core.leaderId).toBe(5);
  });
});

describe("take", () => {
  test("merges everything since the last one into one write", () => {
    const node = new HandDriven();
    node.feed({ kind: InputKind.message, message: append({ term: 1, batches: entries(1) }) });
    node.feed({ kind: InputKind.message, message: append({ term: 1, batches: entries(1, 1) }) });
    node.feed({ kind: InputKind.message, message: heartbeat(2, { from: 3 }) });
    const { write } = node.take();
    expect(write).toMatchObject({
      io: { term: 2, sequence: 1 },
      hardState: { term: 2, vote: 0, commitIndex: 0 },
      truncateFrom: 0,
    });
    expect(ranges(write!.batches)).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(node.core.hasOutput).toBe(false);
    expect(node.take()).toMatchObject({ write: null, messages: [], roleChange: null });
  });

  test("writes the hard state only when term or vote changed", () => {
    const node = new HandDriven({ hardState: { term: 1 } });
    node.receive(append({ term: 1, batches: entries(1), commitIndex: 1 }));
    node.persistAll();
    expect(node.take().write).toBeNull();
    node.receive(append({ term: 1, batches: entries(1, 1), commitIndex: 2 }));
    expect(node.writes[0]).toMatchObject({ hardState: null });
  });

  test("writes have ascending sequences and the term they were issued in", () => {
    const node = new HandDriven();
    node.receive(append({ term: 1, batches: entries(1) }));
    node.receive(heartbeat(4));
    expect(node.writes.map((write) => write.io)).toEqual([
      { term: 1, sequence: 1 },
      { term: 4, sequence: 2 },
    ]);
  });

  test("hands out each thing once, and arrays that stay as they are", () => {
    const node = new HandDriven();
    const first = node.receive(heartbeat(1));
    expect(first.roleChange).toEqual({ role: Role.follower, term: 1, leaderId: 2 });
    const second = node.receive(heartbeat(1));
    expect(second.roleChange).toBeNull();
    expect(first.messages).toHaveLength(1);
    expect(second.messages).toHaveLength(1);
  });

  test("has output whenever something must happen", () => {
    const node = new HandDriven({ log: entries(1) });
    const inputs = [
      { kind: InputKind.message, message: heartbeat(1, { commitIndex: 1 }) },
      { kind: InputKind.read, token: 4 },
      { kind: InputKind.message, message: append({ term: 1, batches: entries(1, 1) }) },
    ] as const;
    for (const input of inputs) {
      expect(node.core.hasOutput).toBe(false);
      node.feed(input);
      expect(node.core.hasOutput).toBe(true);
      node.take();
    }
  });
});

test("a commit alone is output", () => {
  const node = new HandDriven({ voters: [1] });
  node.win();
  node.feed({ kind: InputKind.persisted, io: node.writes[0]!.io });
  expect(node.core.hasOutput).toBe(true);
  expect(node.take()).toMatchObject({ commitIndex: 1, write: null, messages: [] });
  expect(node.core.hasOutput).toBe(false);
});

describe("the state", () => {
  test("starts from what was stored", () => {
    const core = startCore({
      log: entries(1, 1, 3),
      hardState: { term: 4, vote: 2, commitIndex: 2 },
      appliedIndex: 1,
    });
    expect(core).toMatchObject({
      id: 1,
      term: 4,
      vote: 2,
      role: Role.follower,
      leaderId: 0,
      commitIndex: 2,
      appliedIndex: 1,
      lastIndex: 3,
      lastTerm: 3,
      durableIndex: 3,
      isReadable: false,
    });
    expect([0, 1, 3, 4].map((index) => core.termAt(index))).toEqual([0, 1, 3, -1]);
    expect(core.tailBatches(1, 3, 100)).toBeNull();
    expect(core.progress()).toEqual([]);
  });

  test("cannot start from a contradiction", () => {
    expect(() => startCore({ voters: [1, 2, 2] })).toThrow("listed twice");
    expect(() => startCore({ voters: [0, 1] })).toThrow("node ids");
    expect(() => startCore({ log: entries(5), hardState: { term: 4 } })).toThrow("not entered yet");
  });

  test("time does not go back", () => {
    const node = new HandDriven();
    node.nowMs = 1000;
    node.receive(heartbeat(1));
    node.nowMs = 0;
    node.receive(heartbeat(1));
    node.nowMs = 1999;
    expect(node.receive(vote(2, 9, 9, 3)).messages).toMatchObject([{ granted: false }]);
  });

  test("a copy takes the same steps to the same state, and neither sees the other", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    node.win();
    node.propose();
    node.receive(accepted(2, 3));
    node.feed({ kind: InputKind.read, token: 8 });
    const copy = node.core.clone();
    expect(copy.digest()).toBe(node.core.digest());
    const inputs = [
      { kind: InputKind.propose, batch: node.nextBatch() },
      { kind: InputKind.message, message: heartbeatReply(2, { readToken: 8, from: 3 }) },
      { kind: InputKind.unreachable, peer: 2 },
      { kind: InputKind.persisted, io: node.writes[0]!.io },
      { kind: InputKind.message, message: heartbeat(3) },
    ] as const;
    for (const input of inputs) {
      const before = node.core.digest();
      copy.step(input, node.nowMs, 1_000_000);
      expect(node.core.digest()).toBe(before);
      expect(copy.digest()).not.toBe(before);
      node.feed(input);
      expect(copy.digest()).toBe(node.core.digest());
      expect(copy.take()).toEqual(node.core.take());
    }
  });

  test("waits for nothing that grows while the disk stands still", () => {
    const node = new HandDriven();
    node.receive(append({ term: 1, batches: entries(1, 1, 1) }));
    node.receive(append({ term: 1, batches: entries(1, 1, 1) }));
    const { length } = node.core.digest();
    for (let i = 0; i < 1000; i++) {
      node.receive(append({ term: 1, batches: entries(1, 1, 1) }));
      node.receive(append({ term: 1, prevIndex: 1, prevTerm: 1 }));
      node.receive(vote(1, 0, 0, 3));
    }
    expect(node.core.digest().length).toBeLessThan(length + 10);
    expect(node.persistAll().messages).toMatchObject([{ kind: MessageKind.appendReply, index: 3 }]);
  });
});
