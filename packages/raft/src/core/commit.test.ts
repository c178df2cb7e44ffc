import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { accepted } from "./messages.test.kit.ts";

describe("the commit index of a leader", () => {
  test("is what a quorum has durably", () => {
    const node = new HandDriven({ voters: [1, 2, 3, 4, 5] });
    node.win();
    node.persistAll();
    for (let i = 0; i < 5; i++) {
      node.propose();
    }
    node.persistAll();
    node.receive(accepted(1, 4, { from: 2 }));
    expect(node.core.commitIndex).toBe(0);
    node.receive(accepted(1, 6, { from: 3 }));
    expect(node.core.commitIndex).toBe(4);
    node.receive(accepted(1, 5, { from: 4 }));
    expect(node.core.commitIndex).toBe(5);
    node.receive(accepted(1, 6, { from: 5 }));
    expect(node.core.commitIndex).toBe(6);
  });

  test("counts the leader's own entries only when they are durable", () => {
    const node = new HandDriven();
    node.win();
    node.persistAll();
    node.propose();
    node.receive(accepted(1, 2, { from: 2 }));
    expect(node.core.commitIndex).toBe(1);
    node.persistAll();
    expect(node.core.commitIndex).toBe(2);
  });

  test("does not wait for the leader's disk when the others are a quorum", () => {
    const node = new HandDriven();
    node.win();
    node.receive(accepted(1, 1, { from: 2 }));
    node.receive(accepted(1, 1, { from: 3 }));
    expect([node.core.commitIndex, node.core.durableIndex]).toEqual([1, 0]);
  });

  test("entries of earlier terms commit only with one of the own term", () => {
    const node = new HandDriven({ log: entries(1, 2) });
    node.win();
    node.persistAll();
    node.receive(accepted(3, 2));
    expect(node.core.commitIndex).toBe(0);
    node.receive(accepted(3, 3));
    expect(node.core.commitIndex).toBe(3);
  });

  test("a lone voter commits what its disk has, never before", () => {
    const node = new HandDriven({ voters: [1] });
    node.win();
    expect(node.core.commitIndex).toBe(0);
    expect(node.persistAll().commitIndex).toBe(1);
    node.propose();
    expect(node.core.commitIndex).toBe(1);
    expect(node.persistAll().commitIndex).toBe(2);
  });

  test("starts from what the hard state vouches for and the state machine holds", () => {
    const log = entries(1, 1, 1, 1);
    const start = (commitIndex: number, appliedIndex: number): number =>
      new HandDriven({ log, hardState: { commitIndex }, appliedIndex }).core.commitIndex;
    expect([start(2, 0), start(9, 0), start(2, 3)]).toEqual([2, 4, 3]);
  });

  test("a state machine ahead of the log or of the commit index stops the group", () => {
    expect(() => new HandDriven({ log: entries(1), appliedIndex: 2 })).toThrow("ahead of the log");
    const node = new HandDriven({ log: entries(1, 1), hardState: { commitIndex: 1 } });
    expect(() => node.step({ kind: InputKind.applied, index: 2 })).toThrow("only committed");
  });
});
