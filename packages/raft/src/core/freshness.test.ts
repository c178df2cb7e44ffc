import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { accepted, heartbeatReply } from "./messages.test.kit.ts";

describe("the state of a leader", () => {
  /** Leads in term 2 with three entries of term 1, of which it knows none to be committed. */
  function leader(voters: readonly number[] = [1, 2, 3]): HandDriven {
    const node = new HandDriven({ voters, log: entries(1, 1, 1) });
    node.win();
    node.persistAll();
    return node;
  }

  function freshMs({ core, nowMs }: HandDriven): number {
    return core.freshMs(nowMs);
  }

  test("is not fresh before an entry of its term is committed, whoever has answered", () => {
    const node = leader();
    node.receive(heartbeatReply(2, { sentAtMs: node.nowMs }));
    expect(node.core.isReadable).toBe(false);
    expect(freshMs(node)).toBe(-1);
  });

  test("is not fresh before what is committed is applied", () => {
    const node = leader();
    const sentAtMs = node.nowMs;
    node.receive(accepted(2, 4, { sentAtMs }));
    expect(node.core.commitIndex).toBe(4);
    node.step({ kind: InputKind.applied, index: 3 });
    expect(freshMs(node)).toBe(-1);
    node.step({ kind: InputKind.applied, index: 4 });
    expect(freshMs(node)).toBe(sentAtMs);
  });

  test("stays as fresh as it was while it applies more", () => {
    const node = leader();
    const sentAtMs = node.nowMs;
    node.receive(accepted(2, 4, { sentAtMs }));
    node.step({ kind: InputKind.applied, index: 4 });
    node.tick(100);
    node.receive(heartbeatReply(2, { sentAtMs: sentAtMs + 100 }));
    expect(freshMs(node)).toBe(sentAtMs + 100);
    node.tick(50);
    node.propose();
    node.persistAll();
    node.receive(accepted(2, 5, { sentAtMs: node.nowMs }));
    expect(node.core).toMatchObject({ commitIndex: 5, appliedIndex: 4 });
    expect(freshMs(node)).toBe(sentAtMs + 100);
    node.step({ kind: InputKind.applied, index: 5 });
    expect(freshMs(node)).toBe(node.nowMs);
  });

  test("is not fresh at a lone voter that has not applied its log", () => {
    const node = leader([1]);
    expect(node.core.commitIndex).toBe(4);
    expect(freshMs(node)).toBe(-1);
    node.step({ kind: InputKind.applied, index: 4 });
    node.nowMs += 10_000;
    expect(freshMs(node)).toBe(node.nowMs);
  });
});
