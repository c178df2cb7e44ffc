import { describe, expect, test } from "vitest";
import { batchOf, entries, entriesAfter } from "./entries.test.kit.ts";
import { type CoreSetup, HandDriven } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { accepted, heartbeat, heartbeatReply, refused } from "./messages.test.kit.ts";
import type { Output } from "./output.ts";
import { ProgressState } from "./progress.ts";
import { appends, leaderOfTwo, progressOf, sentRanges } from "./replication.test.kit.ts";

describe("a follower that needs entries no longer in memory", () => {
  const log = entries(1, 1, 1, 1, 1, 1);
  const first = entries(1)[0]!;
  const restOfLog = entriesAfter(first, 1, 1, 1, 1, 1);

  /** A leader of term 2 with the log on disk only; follower 2 has entry 1. */
  function laggingLeader(options: CoreSetup["options"] = {}): [HandDriven, Output] {
    const node = new HandDriven({ log, options });
    node.win();
    node.persistAll();
    const output = node.receive(refused(2, 6, 1, 1));
    node.receive(accepted(2, 1));
    return [node, output];
  }

  function logRead(firstIndex: number, batches: typeof log): Parameters<HandDriven["step"]>[0] {
    return { kind: InputKind.logRead, to: 2, firstIndex, batches };
  }

  test("asks the log for them, one read at a time", () => {
    const [node, output] = laggingLeader({ maxAppendBytes: 1000 });
    expect(output.logReads).toEqual([{ to: 2, firstIndex: 2, lastIndex: 6, maxBytes: 1000 }]);
    expect(node.propose().logReads).toEqual([]);
    expect(node.receive(heartbeatReply(2)).logReads).toEqual([]);
  });

  test("sends what was read, then goes on from memory", () => {
    const [node] = laggingLeader();
    const output = node.step(logRead(2, restOfLog));
    expect(sentRanges(output)).toEqual([
      [
        [2, 6],
        [7, 7],
      ],
    ]);
    expect(progressOf(node, 2)).toMatchObject({ nextIndex: 8, inflightAppends: 1 });
  });

  test("what was read is joined with memory only within the append limit", () => {
    const [node] = laggingLeader({ maxAppendBytes: 5 * 48 + 39 });
    expect(sentRanges(node.step(logRead(2, restOfLog)))).toEqual([[[2, 6]], [[7, 7]]]);
  });

  test("reads on when the answer was a part", () => {
    const [node] = laggingLeader();
    const output = node.step(logRead(2, entriesAfter(first, 1, 1)));
    expect(sentRanges(output)).toEqual([[[2, 3]]]);
    expect(output.logReads).toMatchObject([{ firstIndex: 4, lastIndex: 6 }]);
  });

  test("an empty answer is followed by another try after a heartbeat reply", () => {
    const [node] = laggingLeader();
    expect(node.step(logRead(2, [])).logReads).toEqual([]);
    expect(node.propose().logReads).toEqual([]);
    expect(node.receive(heartbeatReply(2)).logReads).toMatchObject([{ firstIndex: 2 }]);
  });

  test("an answer is not used when the follower needs other entries by now", () => {
    const [node] = laggingLeader();
    node.receive(accepted(2, 3));
    const output = node.step(logRead(2, restOfLog));
    expect(appends(output)).toEqual([]);
    expect(output.logReads).toMatchObject([{ firstIndex: 4 }]);
  });

  test("an answer is not used when the follower is being probed by now", () => {
    const [node] = laggingLeader();
    node.step({ kind: InputKind.unreachable, peer: 2 });
    expect(node.step(logRead(2, restOfLog)).messages).toEqual([]);
    expect(progressOf(node, 2).state).toBe(ProgressState.probe);
  });

  test("an answer that was not asked for is not used", () => {
    const node = leaderOfTwo({ options: { windowAppends: 1 } });
    node.propose();
    const batch = node.nextBatch();
    node.propose(batch);
    expect(progressOf(node, 2).nextIndex).toBe(3);
    expect(node.step(logRead(3, [batch])).messages).toEqual([]);
    node.receive(heartbeat(2, { from: 3 }));
    expect(node.step(logRead(3, [batch])).messages).toEqual([]);
  });

  test("an answer with entries that were cut away since is not used", () => {
    // The log is 1:1 to 1:6 and 2:7. These differ from it at both ends, the last and the first.
    for (const batch of [
      batchOf(5, 48, 2, 3, first.chain),
      batchOf(6, 48, 2, 1, first.chain),
      batchOf(6, 48, 2, 2, first.chain),
    ]) {
      const [node] = laggingLeader();
      expect(appends(node.step(logRead(2, [batch])))).toEqual([]);
      expect(node.receive(heartbeatReply(2)).logReads).toHaveLength(1);
    }
  });

  test("an answer that comes in the turn in which the head is dropped before its end gives way to a snapshot", () => {
    const [node] = laggingLeader();
    node.receive(accepted(2, 7, { from: 3 }));
    node.step({ kind: InputKind.applied, index: 7 });
    node.feed({ kind: InputKind.headDropped, firstIndex: 3 });
    const output = node.step(logRead(2, restOfLog));
    expect(appends(output)).toEqual([]);
    expect(output.snapshots?.sends).toEqual([2]);
    expect(progressOf(node, 2)).toMatchObject({ nextIndex: 2, inflightAppends: 0 });
  });

  test("an answer to the leadership before is not used when it does not fit the log", () => {
    const [node] = laggingLeader();
    node.receive(heartbeat(3));
    node.nowMs += 1000;
    node.win();
    node.persistAll();
    node.receive(refused(4, 7, 1, 1));
    node.receive(accepted(4, 1));
    expect(appends(node.step(logRead(2, entriesAfter(first, 1, 2))))).toEqual([]);
  });

  test("memory lets go of entries that are durable and applied, and of no others", () => {
    const node = leaderOfTwo({ options: { tailBytes: 0 } });
    node.propose();
    node.receive(accepted(1, 2));
    expect(node.core.tailBatches(1, 2, 100)).not.toBeNull();
    node.persistAll();
    expect(node.core.tailBatches(1, 2, 100)).not.toBeNull();
    node.step({ kind: InputKind.applied, index: 2 });
    expect(node.core.tailBatches(2, 2, 100)).toBeNull();
    expect(node.core.tailBatches(3, 3, 100)).toEqual([]);
    node.propose();
    node.receive(accepted(1, 3));
    node.receive(accepted(1, 3, { from: 3 }));
    node.step({ kind: InputKind.applied, index: 3 });
    expect(node.core.tailBatches(3, 3, 100)).not.toBeNull();
  });
});
