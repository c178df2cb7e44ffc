import { describe, expect, test } from "vitest";
import { HandDriven, ofKind } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import { accepted, append, heartbeat, heartbeatReply } from "./messages.test.kit.ts";
import { DropReason } from "./output.ts";

/** A leader that has committed its no-op. */
function leader(voters: readonly number[] = [1, 2, 3]): HandDriven {
  const node = new HandDriven({ voters });
  node.win();
  node.persistAll();
  for (const peer of node.peers) {
    node.receive(accepted(1, 1, { from: peer }));
  }
  return node;
}

describe("a linearizable read", () => {
  test("is granted with the commit index at its arrival, when a quorum answered what left after it", () => {
    const node = leader();
    expect(ofKind(node.read(10).messages, MessageKind.heartbeat)).toMatchObject([
      { to: 2, readToken: 10 },
      { to: 3, readToken: 10 },
    ]);
    node.propose();
    node.persistAll();
    node.receive(accepted(1, 2, { readToken: 9 }));
    expect(node.core.commitIndex).toBe(2);
    expect(node.receive(heartbeatReply(1, { readToken: 10 })).readGrants).toEqual([
      { token: 10, index: 1 },
    ]);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 10 })).readGrants).toEqual([]);
  });

  test("needs more than the leader's own word and a minority's", () => {
    const node = leader([1, 2, 3, 4, 5]);
    node.read(10);
    expect(node.receive(heartbeatReply(1, { from: 2, readToken: 10 })).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(1, { from: 2, readToken: 10 })).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(1, { from: 4, readToken: 10 })).readGrants).toHaveLength(1);
  });

  test("is not confirmed by answers to an earlier round", () => {
    const node = leader();
    node.read(10);
    node.read(11);
    expect(node.receive(heartbeatReply(1, { readToken: 10 })).readGrants).toEqual([
      { token: 10, index: 1 },
    ]);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 10 })).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 11 })).readGrants).toHaveLength(1);
  });

  test("is not confirmed by a token that was never sent", () => {
    const node = leader();
    node.receive(heartbeatReply(1, { readToken: 99 }));
    expect(node.read(10).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 5 })).readGrants).toEqual([]);
  });

  test("is not confirmed by answers of an earlier term", () => {
    const node = leader();
    node.receive(heartbeat(2));
    node.nowMs += 1000;
    node.win();
    node.persistAll();
    node.receive(accepted(3, 2));
    node.read(10);
    expect(node.receive(heartbeatReply(1, { readToken: 10 })).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(3, { readToken: 10 })).readGrants).toHaveLength(1);
  });

  test("is confirmed by acks of appends too", () => {
    const node = leader();
    node.read(10);
    expect(node.receive(accepted(1, 1, { readToken: 10 })).readGrants).toHaveLength(1);
  });

  test("shares one heartbeat round with all reads of its turn", () => {
    const node = leader();
    for (let token = 1; token <= 1000; token++) {
      node.feed({ kind: InputKind.read, token });
    }
    expect(node.take().messages).toHaveLength(2);
    expect(node.receive(heartbeatReply(1, { readToken: 1000 })).readGrants).toHaveLength(1000);
  });

  test("is confirmed by a later round when its own was lost", () => {
    const node = leader();
    node.read(10);
    expect(ofKind(node.tick(100).messages, MessageKind.heartbeat)).toMatchObject([
      { readToken: 10 },
      { readToken: 10 },
    ]);
    node.read(12);
    expect(node.receive(heartbeatReply(1, { readToken: 12 })).readGrants).toEqual([
      { token: 10, index: 1 },
      { token: 12, index: 1 },
    ]);
  });

  test("waits until an entry of the own term is committed", () => {
    const node = new HandDriven();
    node.win();
    node.persistAll();
    expect(node.core.isReadable).toBe(false);
    node.read(10);
    expect(node.receive(heartbeatReply(1, { readToken: 10 })).readGrants).toEqual([]);
    const output = node.receive(accepted(1, 1));
    expect(output.readGrants).toEqual([{ token: 10, index: 1 }]);
    expect(node.core.isReadable).toBe(true);
  });

  test("is dropped when leadership is lost before it was confirmed", () => {
    const node = leader();
    node.read(10);
    node.read(11);
    const output = node.receive(append({ term: 2, from: 3, prevIndex: 1, prevTerm: 1 }));
    expect(output.readDrops).toEqual([
      { token: 10, reason: DropReason.leadershipLost },
      { token: 11, reason: DropReason.leadershipLost },
    ]);
    node.nowMs += 1000;
    node.win();
    node.persistAll();
    node.receive(accepted(3, 2));
    expect(node.receive(heartbeatReply(3, { readToken: 11 })).readGrants).toEqual([]);
  });

  test("is dropped by who does not lead", () => {
    expect(new HandDriven().read(3).readDrops).toEqual([
      { token: 3, reason: DropReason.notLeader },
    ]);
  });

  test("at a lone voter is granted at once, or when its first entry is committed", () => {
    const node = new HandDriven({ voters: [1] });
    node.win();
    expect(node.read(1).readGrants).toEqual([]);
    expect(node.persistAll().readGrants).toEqual([{ token: 1, index: 1 }]);
    expect(node.read(2).readGrants).toEqual([{ token: 2, index: 1 }]);
  });

  test("Q3 asked for again is confirmed by a round of its own, not by answers to the earlier one", () => {
    const node = leader();
    node.read(10);
    expect(ofKind(node.read(10).messages, MessageKind.heartbeat)).toMatchObject([
      { readToken: 11 },
      { readToken: 11 },
    ]);
    expect(node.receive(heartbeatReply(1, { readToken: 10 })).readGrants).toHaveLength(1);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 10 })).readGrants).toEqual([]);
    expect(node.receive(heartbeatReply(1, { from: 3, readToken: 11 })).readGrants).toHaveLength(1);
  });
});

test("reads that other members ask for while nobody confirms the leader do not pile up, and all are answered", () => {
  const node = leader();
  const asks = (from: number, token: number) =>
    node.receive({ kind: MessageKind.readIndex, from, to: 1, term: 1, run: 7, token });
  node.nowMs += 10_000;
  for (let token = 1; token <= 100; token++) {
    asks(2, token);
    asks(3, token);
  }
  const confirmed = node.receive(heartbeatReply(1, { readToken: 1000 }));
  // An answer to one is an answer to all that the same member asked before.
  const answered = ofKind(confirmed.messages, MessageKind.readIndexReply);
  expect(answered.map(({ to, token }) => [to, token])).toEqual([
    [2, 1],
    [3, 1],
    [2, 100],
    [3, 100],
  ]);
});
