import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { type HandDriven, ofKind } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind, type NodeId, type TimeoutNow } from "./message.ts";
import { accepted, heartbeatReply, refused } from "./messages.test.kit.ts";
import { DropReason, type Output } from "./output.ts";
import { leaderOfTwo, progressOf } from "./replication.test.kit.ts";

/** A leader that has committed and applied its whole log; follower 2 has it too. */
function leader(): HandDriven {
  const node = leaderOfTwo();
  node.step({ kind: InputKind.applied, index: node.core.commitIndex });
  return node;
}

function transfer(node: HandDriven, to: NodeId): Output {
  return node.step({ kind: InputKind.transfer, token: 1, to });
}

function words(output: Output): TimeoutNow[] {
  return ofKind(output.messages, MessageKind.timeoutNow);
}

describe("a transfer", () => {
  test("sends its word at once to a target that has everything, once", () => {
    const node = leader();
    const output = transfer(node, 2);
    expect(output.answers).toEqual([{ token: 1, index: 0, refusal: null }]);
    expect(words(output)).toEqual([{ kind: MessageKind.timeoutNow, from: 1, to: 2, term: 1 }]);
    expect(words(node.receive(accepted(1, 1)))).toEqual([]);
    expect(words(transfer(node, 2))).toEqual([]);
  });

  test("waits until all that was proposed is committed and applied here", () => {
    const node = leader();
    node.propose();
    node.persistAll();
    expect(words(transfer(node, 2))).toEqual([]);
    expect(words(node.receive(accepted(1, 2)))).toEqual([]);
    expect(node.core.commitIndex).toBe(2);
    expect(words(node.step({ kind: InputKind.applied, index: 2 }))).toHaveLength(1);
  });

  test("takes no proposals while it lasts, and again when it ends", () => {
    const node = leader();
    transfer(node, 2);
    const late = node.nextBatch();
    expect(node.propose(late).proposeDrops).toEqual([
      { batch: late, reason: DropReason.transferring },
    ]);
    for (let passed = 0; passed < 1000; passed += 50) {
      node.receive(heartbeatReply(1, { sentAtMs: node.nowMs }));
      node.tick(50);
    }
    expect(node.core.transferTo).toBe(0);
    expect(node.propose(late).proposeDrops).toEqual([]);
    // The word may still arrive: no lease for the rest of the term.
    node.receive(heartbeatReply(1, { sentAtMs: node.nowMs }));
    expect(node.core.leaseUntilMs()).toBe(0);
  });

  test("refuses a change of members meanwhile", () => {
    const node = leader();
    transfer(node, 2);
    const request = { action: "abort", prepareIndex: 0 } as const;
    const { answers } = node.step({ kind: InputKind.changeConfig, token: 2, request });
    expect(answers[0]?.refusal).toEqual({ reason: "transferring", to: 2 });
  });

  test("T8 to who needs a snapshot waits for it, ends at the timeout, and succeeds after the install", () => {
    const node = leaderOfTwo({
      log: entries(1, 1, 1, 1, 1, 1, 1, 1, 1),
      options: { tailBytes: 1 },
    });
    node.step({ kind: InputKind.applied, index: node.core.commitIndex });
    node.step({ kind: InputKind.headDropped, firstIndex: 8 });
    node.receive({ ...refused(2, 9, 2, 1), from: 3 });
    expect(progressOf(node, 3).state).toBe("snapshot");
    expect(words(transfer(node, 3))).toEqual([]);
    for (let passed = 0; passed < 1000; passed += 50) {
      expect(words(node.receive(heartbeatReply(2, { from: 3, sentAtMs: node.nowMs })))).toEqual([]);
      node.tick(50);
    }
    expect(node.core.transferTo).toBe(0);
    node.step({ kind: InputKind.snapshotSent, to: 3, index: 10 });
    node.receive(accepted(2, 10, { from: 3 }));
    expect(words(transfer(node, 3))).toHaveLength(1);
  });
});
