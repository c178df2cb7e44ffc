import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven, idleFollower, ofKind } from "./hand-driven.test.kit.ts";
import { MessageKind } from "./message.ts";
import { append, heartbeat, preVote, preVoteReply, vote } from "./messages.test.kit.ts";
import { Role } from "./output.ts";

describe("a voter that heard a live leader", () => {
  test("refuses votes and pre-votes for the shortest timeout, and keeps its term", () => {
    const node = new HandDriven();
    node.nowMs = 5000;
    node.receive(heartbeat(1));
    node.nowMs = 5999;
    for (const request of [preVote(9, 9, 8, 3), vote(9, 9, 8, 3)]) {
      expect(node.receive(request).messages).toMatchObject([{ granted: false, term: 1 }]);
    }
    expect(node.core.term).toBe(1);
    node.nowMs = 6000;
    expect(node.receive(preVote(9, 9, 8, 3)).messages).toMatchObject([{ granted: true }]);
    node.receive(vote(9, 9, 8, 3));
    expect([node.core.term, node.core.vote]).toEqual([9, 3]);
  });

  test("refuses also when its term has moved on, and also in the very term it is in", () => {
    const node = new HandDriven();
    node.nowMs = 5000;
    node.receive(heartbeat(1));
    node.receive(preVoteReply(4, false, 3));
    expect([node.core.term, node.core.leaderId]).toEqual([4, 0]);
    for (const term of [4, 5]) {
      expect(node.receive(vote(term, 9, 3, 3)).messages).toMatchObject([{ granted: false }]);
    }
    expect([node.core.term, node.core.vote]).toEqual([4, 0]);
  });

  test("may have heard it just before it restarted", () => {
    const node = new HandDriven();
    node.nowMs = 999;
    expect(node.receive(vote(9, 9, 8)).messages).toMatchObject([{ granted: false, term: 0 }]);
    node.nowMs = 1000;
    node.receive(vote(9, 9, 8));
    expect(node.core.vote).toBe(2);
  });

  test("a leader refuses rivals for as long as it leads", () => {
    const node = new HandDriven();
    node.win();
    expect(node.receive(preVote(9, 9, 8)).messages).toMatchObject([{ granted: false, term: 1 }]);
    expect(node.receive(vote(9, 9, 8)).messages).toMatchObject([{ granted: false, term: 1 }]);
    expect(node.core.role).toBe(Role.leader);
  });
});

describe("votes", () => {
  test("a grant leaves only when the vote is durable", () => {
    const node = idleFollower();
    const output = node.receive(vote(2, 0, 0));
    expect(output.messages).toEqual([]);
    expect(output.write).toMatchObject({ hardState: { term: 2, vote: 2 }, batches: [] });
    expect(node.persistAll().messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 2, term: 2, granted: true, removedAtIndex: 0 },
    ]);
  });

  test("a grant does not leave with a write that was issued before it", () => {
    const node = idleFollower();
    node.receive(append({ term: 1, batches: entries(1) }));
    node.nowMs = 3000;
    node.receive(vote(2, 9, 9, 3));
    expect(ofKind(node.persistOne().messages, MessageKind.voteReply)).toEqual([]);
    expect(ofKind(node.persistOne().messages, MessageKind.voteReply)).toHaveLength(1);
  });

  test("a grant that waits is dropped when the term moves on", () => {
    const node = idleFollower();
    node.receive(vote(2, 0, 0));
    node.receive(vote(3, 0, 0, 3));
    node.persistOne();
    expect(node.core.vote).toBe(3);
    expect(node.persistOne().messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 3, term: 3, granted: true, removedAtIndex: 0 },
    ]);
  });

  test("a grant that waits does not become one in the next term", () => {
    const node = idleFollower();
    node.receive(vote(2, 0, 0));
    node.receive(heartbeat(3, { from: 3 }));
    expect(node.persistAll().messages).toEqual([]);
  });

  test("one vote a term; the same candidate gets it again", () => {
    const node = idleFollower();
    node.receive(vote(2, 0, 0));
    node.persistAll();
    expect(node.receive(vote(2, 9, 1, 3)).messages).toMatchObject([{ granted: false, term: 2 }]);
    const repeated = node.receive(vote(2, 0, 0));
    expect(repeated.messages).toMatchObject([{ granted: true, term: 2, to: 2 }]);
    expect(repeated.write).toBeNull();
  });

  test("a repeat that comes before the vote is durable waits for it, and is answered once", () => {
    const node = idleFollower();
    node.receive(vote(2, 0, 0));
    expect(node.receive(vote(2, 0, 0)).messages).toEqual([]);
    expect(node.persistAll().messages).toHaveLength(1);
  });

  test("the vote on disk binds after a restart", () => {
    const node = idleFollower({ hardState: { term: 5, vote: 3 } });
    expect(node.receive(vote(5, 9, 4, 2)).messages).toMatchObject([{ granted: false }]);
    expect(node.receive(vote(5, 0, 0, 3)).messages).toMatchObject([{ granted: true }]);
    expect(node.receive(vote(6, 0, 0, 2)).messages).toEqual([]);
    expect(node.core.vote).toBe(2);
  });

  test("a log that is behind gets no vote, but its term is entered", () => {
    const node = idleFollower({ log: entries(1, 2, 2) });
    expect(node.receive(vote(5, 9, 1)).messages).toMatchObject([{ granted: false, term: 5 }]);
    expect(node.receive(vote(6, 2, 2)).messages).toMatchObject([{ granted: false, term: 6 }]);
    expect(node.receive(vote(7, 3, 2)).messages).toEqual([]);
    expect([node.core.term, node.core.vote]).toEqual([7, 2]);
  });

  test("entries not yet durable count in the comparison", () => {
    const node = idleFollower();
    node.receive(append({ term: 1, batches: entries(1, 1) }));
    node.nowMs = 3000;
    expect(node.receive(vote(2, 1, 1, 3)).messages).toMatchObject([{ granted: false }]);
    expect(node.core.vote).toBe(0);
  });

  test("requests of an earlier term are answered with the present one", () => {
    const node = idleFollower({ hardState: { term: 5 } });
    expect(node.receive(vote(4, 9, 4)).messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 2, term: 5, granted: false, removedAtIndex: 0 },
    ]);
  });

  test("who knows the leader of its term does not vote in it", () => {
    const node = idleFollower({ hardState: { term: 2 } });
    node.receive(heartbeat(2, { from: 3 }));
    node.nowMs = 3000;
    expect(node.receive(vote(2, 9, 1)).messages).toMatchObject([{ granted: false }]);
  });

  test("granting puts the own campaign off, refusing does not", () => {
    const node = idleFollower({ log: entries(1, 1) });
    node.tickUntil(Role.preCandidate);
    node.nowMs += 950;
    node.receive(vote(2, 0, 0));
    expect(node.core.role).toBe(Role.follower);
    node.tickUntil(Role.preCandidate);
    const lastMs = node.nowMs;
    node.nowMs += 900;
    node.receive(vote(3, 9, 2));
    node.pass(950);
    expect(node.core.role).toBe(Role.follower);
    expect(node.nowMs - lastMs).toBeGreaterThan(1800);
  });

  test("a vote given in a pre-vote round ends the round", () => {
    const node = new HandDriven();
    node.tickUntil(Role.preCandidate);
    node.nowMs += 500;
    node.receive(vote(0, 0, 0));
    expect(node.core.role).toBe(Role.follower);
    node.receive(preVoteReply(1, true, 3));
    expect([node.core.term, node.core.role]).toEqual([0, Role.follower]);
  });
});
