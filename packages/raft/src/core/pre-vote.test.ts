import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven, idleFollower, ofKind } from "./hand-driven.test.kit.ts";
import { MessageKind } from "./message.ts";
import { preVote, preVoteReply } from "./messages.test.kit.ts";
import { Role } from "./output.ts";

describe("pre-vote", () => {
  test("asks for the next term without entering it", () => {
    const node = new HandDriven({ log: entries(1, 1, 3) });
    const output = node.tickUntil(Role.preCandidate);
    expect(output.messages).toEqual([
      {
        kind: MessageKind.preVote,
        from: 1,
        to: 2,
        term: 4,
        lastIndex: 3,
        lastTerm: 3,
        isSuccessor: false,
      },
      {
        kind: MessageKind.preVote,
        from: 1,
        to: 3,
        term: 4,
        lastIndex: 3,
        lastTerm: 3,
        isSuccessor: false,
      },
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
    const node = idleFollower({ log: entries(1) });
    const output = node.receive(preVote(8, 1, 1));
    expect(output.messages).toEqual([
      { kind: MessageKind.preVoteReply, from: 1, to: 2, term: 8, granted: true, removedAtIndex: 0 },
    ]);
    expect([node.core.term, node.core.vote, output.write]).toEqual([1, 0, null]);
    expect(ofKind(node.receive(preVote(8, 1, 1, 3)).messages, MessageKind.preVoteReply)).toEqual([
      { kind: MessageKind.preVoteReply, from: 1, to: 3, term: 8, granted: true, removedAtIndex: 0 },
    ]);
  });

  test("is refused with the voter's own term when that is not lower", () => {
    const node = idleFollower({ hardState: { term: 7 } });
    for (const term of [6, 7]) {
      expect(node.receive(preVote(term, 9, 6)).messages).toEqual([
        {
          kind: MessageKind.preVoteReply,
          from: 1,
          to: 2,
          term: 7,
          granted: false,
          removedAtIndex: 0,
        },
      ]);
    }
  });

  test("is refused to a log that is behind", () => {
    const node = idleFollower({ log: entries(1, 2, 2) });
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
