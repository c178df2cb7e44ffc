import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven, ofKind } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import { append, heartbeat, preVote, preVoteReply, vote, voteReply } from "./messages.test.kit.ts";
import { Role } from "./output.ts";

/** A follower that has heard nobody for long enough to vote. */
function idle(setup: ConstructorParameters<typeof HandDriven>[0] = {}): HandDriven {
  const node = new HandDriven(setup);
  node.nowMs = 1000;
  return node;
}

describe("timeouts", () => {
  test("nobody campaigns within the shortest timeout, everybody does within the longest", () => {
    for (let seed = 0; seed < 50; seed++) {
      const node = new HandDriven({ seed });
      node.pass(950);
      expect(node.core.role).toBe(Role.follower);
      node.pass(1050);
      expect(node.core.role).toBe(Role.preCandidate);
    }
  });

  test("every round draws another timeout", () => {
    const node = new HandDriven({ options: { preVote: false } });
    const gaps = new Set<number>();
    let lastMs = 0;
    for (let round = 0; round < 10; round++) {
      const term = node.core.term;
      while (node.core.term === term) {
        node.tick(1);
      }
      gaps.add(node.nowMs - lastMs);
      lastMs = node.nowMs;
      node.persistAll();
    }
    expect(gaps.size).toBe(10);
  });

  test("a leader that is heard puts the timeout off", () => {
    const node = new HandDriven();
    for (let i = 0; i < 50; i++) {
      node.tick(100);
      node.receive(heartbeat(1));
    }
    expect(node.core.role).toBe(Role.follower);
    node.tickUntil(Role.preCandidate);
  });

  test("one tick after a long stall starts one round", () => {
    const node = new HandDriven({ options: { preVote: false } });
    node.tick(60_000);
    expect(node.core.term).toBe(1);
    node.persistAll();
    node.tick(50);
    expect(node.core.term).toBe(1);
  });

  test("a follower of a leader listens once more after each stall before it campaigns", () => {
    const node = new HandDriven();
    for (let stall = 0; stall < 3; stall++) {
      node.receive(heartbeat(1));
      node.tick(100);
      node.tick(60_000);
      expect(node.core.role).toBe(Role.follower);
    }
    node.tick(60_000);
    expect(node.core.role).toBe(Role.preCandidate);
  });

  test("a node that is not a voter never campaigns and still follows", () => {
    const node = new HandDriven({ id: 1, voters: [2, 3, 4] });
    node.pass(20_000);
    expect(node.core.role).toBe(Role.follower);
    expect(ofKind(node.receive(heartbeat(1)).messages, MessageKind.heartbeatReply)).toHaveLength(1);
    expect(node.core.leaderId).toBe(2);
  });

  test("a lone voter leads with its first tick, when its vote is durable", () => {
    const node = new HandDriven({ voters: [1] });
    node.tick();
    expect([node.core.role, node.core.term]).toEqual([Role.candidate, 1]);
    node.persistAll();
    expect(node.core.role).toBe(Role.leader);
  });
});

describe("pre-vote", () => {
  test("asks for the next term without entering it", () => {
    const node = new HandDriven({ log: entries(1, 1, 3) });
    const output = node.tickUntil(Role.preCandidate);
    expect(output.messages).toEqual([
      { kind: MessageKind.preVote, from: 1, to: 2, term: 4, lastIndex: 3, lastTerm: 3 },
      { kind: MessageKind.preVote, from: 1, to: 3, term: 4, lastIndex: 3, lastTerm: 3 },
    ]);
    expect([node.core.term, output.write]).toEqual([3, null]);
  });

  test("a node cut off keeps its term for ever", () => {
    const node = new HandDriven();
    node.pass(50_000);
    expect([node.core.term, node.core.role]).toEqual([0, Role.preCandidate]);
  });

  test("a quorum of grants starts the campaign", () => {
    const node = new HandDriven({ voters: [1, 2, 3, 4, 5] });
    node.tickUntil(Role.preCandidate);
    node.receive(preVoteReply(1, true, 2));
    node.receive(preVoteReply(1, true, 2));
    node.receive(preVoteReply(0, false, 4));
    expect(node.core.role).toBe(Role.preCandidate);
    node.receive(preVoteReply(1, true, 3));
    expect([node.core.role, node.core.term, node.core.vote]).toEqual([Role.candidate, 1, 1]);
  });

  test("a grant for another term does not count", () => {
    const node = new HandDriven({ log: entries(1, 1, 3) });
    node.tickUntil(Role.preCandidate);
    node.receive(preVoteReply(3, true));
    node.receive(preVoteReply(9, true));
    expect([node.core.role, node.core.term]).toEqual([Role.preCandidate, 3]);
  });

  test("a refusal of a later term is learned from", () => {
    const node = new HandDriven();
    node.tickUntil(Role.preCandidate);
    node.receive(preVoteReply(7, false));
    expect([node.core.role, node.core.term, node.core.vote]).toEqual([Role.follower, 7, 0]);
  });

  test("is granted with the term asked for, by a node of any lower term, and promises nothing", () => {
    const node = idle({ log: entries(1) });
    const output = node.receive(preVote(8, 1, 1));
    expect(output.messages).toEqual([
      { kind: MessageKind.preVoteReply, from: 1, to: 2, term: 8, granted: true },
    ]);
    expect([node.core.term, node.core.vote, output.write]).toEqual([1, 0, null]);
    expect(ofKind(node.receive(preVote(8, 1, 1, 3)).messages, MessageKind.preVoteReply)).toEqual([
      { kind: MessageKind.preVoteReply, from: 1, to: 3, term: 8, granted: true },
    ]);
  });

  test("is refused with the voter's own term when that is not lower", () => {
    const node = idle({ hardState: { term: 7 } });
    for (const term of [6, 7]) {
      expect(node.receive(preVote(term, 9, 6)).messages).toEqual([
        { kind: MessageKind.preVoteReply, from: 1, to: 2, term: 7, granted: false },
      ]);
    }
  });

  test("is refused to a log that is behind", () => {
    const node = idle({ log: entries(1, 2, 2) });
    for (const [lastIndex, lastTerm] of [
      [9, 1],
      [2, 2],
    ] as const) {
      expect(node.receive(preVote(9, lastIndex, lastTerm)).messages).toMatchObject([
        { granted: false, term: 2 },
      ]);
    }
  });

  test("can be left out", () => {
    const node = new HandDriven({ options: { preVote: false } });
    node.tickUntil(Role.candidate);
    expect(node.core.term).toBe(1);
  });
});

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
    const node = idle();
    const output = node.receive(vote(2, 0, 0));
    expect(output.messages).toEqual([]);
    expect(output.write).toMatchObject({ hardState: { term: 2, vote: 2 }, batches: [] });
    expect(node.persistAll().messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 2, term: 2, granted: true },
    ]);
  });

  test("a grant does not leave with a write that was issued before it", () => {
    const node = idle();
    node.receive(append({ term: 1, batches: entries(1) }));
    node.nowMs = 3000;
    node.receive(vote(2, 9, 9, 3));
    expect(ofKind(node.persistOne().messages, MessageKind.voteReply)).toEqual([]);
    expect(ofKind(node.persistOne().messages, MessageKind.voteReply)).toHaveLength(1);
  });

  test("a grant that waits is dropped when the term moves on", () => {
    const node = idle();
    node.receive(vote(2, 0, 0));
    node.receive(vote(3, 0, 0, 3));
    node.persistOne();
    expect(node.core.vote).toBe(3);
    expect(node.persistOne().messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 3, term: 3, granted: true },
    ]);
  });

  test("a grant that waits does not become one in the next term", () => {
    const node = idle();
    node.receive(vote(2, 0, 0));
    node.receive(heartbeat(3, { from: 3 }));
    expect(node.persistAll().messages).toEqual([]);
  });

  test("one vote a term; the same candidate gets it again", () => {
    const node = idle();
    node.receive(vote(2, 0, 0));
    node.persistAll();
    expect(node.receive(vote(2, 9, 1, 3)).messages).toMatchObject([{ granted: false, term: 2 }]);
    const repeated = node.receive(vote(2, 0, 0));
    expect(repeated.messages).toMatchObject([{ granted: true, term: 2, to: 2 }]);
    expect(repeated.write).toBeNull();
  });

  test("a repeat that comes before the vote is durable waits for it, and is answered once", () => {
    const node = idle();
    node.receive(vote(2, 0, 0));
    expect(node.receive(vote(2, 0, 0)).messages).toEqual([]);
    expect(node.persistAll().messages).toHaveLength(1);
  });

  test("the vote on disk binds after a restart", () => {
    const node = idle({ hardState: { term: 5, vote: 3 } });
    expect(node.receive(vote(5, 9, 4, 2)).messages).toMatchObject([{ granted: false }]);
    expect(node.receive(vote(5, 0, 0, 3)).messages).toMatchObject([{ granted: true }]);
    expect(node.receive(vote(6, 0, 0, 2)).messages).toEqual([]);
    expect(node.core.vote).toBe(2);
  });

  test("a log that is behind gets no vote, but its term is entered", () => {
    const node = idle({ log: entries(1, 2, 2) });
    expect(node.receive(vote(5, 9, 1)).messages).toMatchObject([{ granted: false, term: 5 }]);
    expect(node.receive(vote(6, 2, 2)).messages).toMatchObject([{ granted: false, term: 6 }]);
    expect(node.receive(vote(7, 3, 2)).messages).toEqual([]);
    expect([node.core.term, node.core.vote]).toEqual([7, 2]);
  });

  test("entries not yet durable count in the comparison", () => {
    const node = idle();
    node.receive(append({ term: 1, batches: entries(1, 1) }));
    node.nowMs = 3000;
    expect(node.receive(vote(2, 1, 1, 3)).messages).toMatchObject([{ granted: false }]);
    expect(node.core.vote).toBe(0);
  });

  test("requests of an earlier term are answered with the present one", () => {
    const node = idle({ hardState: { term: 5 } });
    expect(node.receive(vote(4, 9, 4)).messages).toEqual([
      { kind: MessageKind.voteReply, from: 1, to: 2, term: 5, granted: false },
    ]);
  });

  test("who knows the leader of its term does not vote in it", () => {
    const node = idle({ hardState: { term: 2 } });
    node.receive(heartbeat(2, { from: 3 }));
    node.nowMs = 3000;
    expect(node.receive(vote(2, 9, 1)).messages).toMatchObject([{ granted: false }]);
  });

  test("granting puts the own campaign off, refusing does not", () => {
    const node = idle({ log: entries(1, 1) });
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

describe("a candidate", () => {
  test("asks for votes only when its own vote is durable", () => {
    const node = new HandDriven();
    node.tickUntil(Role.preCandidate);
    const output = node.receive(preVoteReply(1, true));
    expect(output.messages).toEqual([]);
    expect(output.write!.hardState).toEqual({ term: 1, vote: 1, commitIndex: 0 });
    const asked = node.persistAll();
    expect(asked.messages).toEqual([
      { kind: MessageKind.vote, from: 1, to: 2, term: 1, lastIndex: 0, lastTerm: 0 },
      { kind: MessageKind.vote, from: 1, to: 3, term: 1, lastIndex: 0, lastTerm: 0 },
    ]);
  });

  test("starts no other round while the disk has not stored its vote", () => {
    const node = new HandDriven();
    node.tickUntil(Role.preCandidate);
    node.receive(preVoteReply(1, true));
    node.pass(10_000);
    expect([node.core.term, node.core.role]).toEqual([1, Role.candidate]);
    expect(ofKind(node.persistAll().messages, MessageKind.vote)).toHaveLength(2);
    node.pass(950);
    expect(node.core.role).toBe(Role.candidate);
  });

  test("has a whole round left once it has asked", () => {
    for (let slowMs = 1000; slowMs < 3000; slowMs += 100) {
      const node = new HandDriven();
      node.tickUntil(Role.preCandidate);
      node.receive(preVoteReply(1, true));
      node.pass(slowMs);
      node.persistAll();
      node.pass(950);
      expect(node.core.role).toBe(Role.candidate);
    }
  });

  test("wins with a quorum of votes of its term", () => {
    const node = new HandDriven({ voters: [1, 2, 3, 4, 5] });
    node.campaign();
    node.receive(voteReply(1, true, 2));
    node.receive(voteReply(1, true, 2));
    node.receive(voteReply(0, true, 3));
    node.receive(preVoteReply(1, true, 3));
    node.receive(voteReply(1, false, 4));
    expect(node.core.role).toBe(Role.candidate);
    node.receive(voteReply(1, true, 5));
    expect(node.core.role).toBe(Role.leader);
  });

  test("votes of an earlier round do not count in a later one", () => {
    const node = new HandDriven({ voters: [1, 2, 3, 4, 5], options: { preVote: false } });
    node.tickUntil(Role.candidate);
    node.persistAll();
    node.receive(voteReply(1, true, 2));
    while (node.core.term === 1) {
      node.tick(50);
    }
    node.persistAll();
    node.receive(voteReply(2, true, 3));
    expect([node.core.term, node.core.role]).toEqual([2, Role.candidate]);
  });

  test("follows a leader of its own term, and learns of later ones", () => {
    for (const message of [heartbeat(1), append({ term: 1 })]) {
      const node = new HandDriven();
      node.campaign();
      node.receive(message);
      expect([node.core.role, node.core.leaderId]).toEqual([Role.follower, 2]);
    }
    const node = new HandDriven();
    node.campaign();
    node.receive(voteReply(4, false));
    expect([node.core.role, node.core.term]).toEqual([Role.follower, 4]);
  });

  test("answers a leader of an earlier term with its own term", () => {
    const node = new HandDriven({ log: entries(4) });
    node.campaign();
    expect(node.receive(heartbeat(4)).messages).toMatchObject([
      { kind: MessageKind.heartbeatReply, term: 5 },
    ]);
    expect(node.receive(append({ term: 4, prevIndex: 1, prevTerm: 4 })).messages).toMatchObject([
      { kind: MessageKind.appendReply, accepted: false, term: 5 },
    ]);
    expect(node.core.role).toBe(Role.candidate);
  });

  test("keeps every entry through any change of role", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    node.receive(append({ term: 1, prevIndex: 2, prevTerm: 1 }));
    node.nowMs += 1000;
    node.campaign();
    node.receive(heartbeat(3));
    node.pass(3000);
    node.step({ kind: InputKind.tick });
    expect([node.core.lastIndex, node.core.lastTerm]).toEqual([2, 1]);
    expect(node.writes.every((write) => write.truncateFrom === 0)).toBe(true);
  });
});
