import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven, ofKind } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import { append, heartbeat, preVoteReply, voteReply } from "./messages.test.kit.ts";
import { Role } from "./output.ts";

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

  test("C4 a follower of a leader listens once more after each stall before it campaigns", () => {
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

describe("a candidate", () => {
  test("asks for votes only when its own vote is durable", () => {
    const node = new HandDriven();
    node.tickUntil(Role.preCandidate);
    const output = node.receive(preVoteReply(1, true));
    expect(output.messages).toEqual([]);
    expect(output.write!.hardState).toEqual({ term: 1, vote: 1, commitIndex: 0 });
    const asked = node.persistAll();
    expect(asked.messages).toEqual([
      {
        kind: MessageKind.vote,
        from: 1,
        to: 2,
        term: 1,
        lastIndex: 0,
        lastTerm: 0,
        isSuccessor: false,
      },
      {
        kind: MessageKind.vote,
        from: 1,
        to: 3,
        term: 1,
        lastIndex: 0,
        lastTerm: 0,
        isSuccessor: false,
      },
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
