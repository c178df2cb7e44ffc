import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { accepted, heartbeatReply, refused } from "./messages.test.kit.ts";
import { ProgressState } from "./progress.ts";
import { appends, leaderOfTwo, progressOf, sentRanges } from "./replication.test.kit.ts";

describe("replicating", () => {
  test("entries leave ahead of the answers", () => {
    const node = leaderOfTwo();
    expect(sentRanges(node.propose())).toEqual([[[2, 2]]]);
    expect(sentRanges(node.propose())).toEqual([[[3, 3]]]);
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 1, nextIndex: 4, inflightAppends: 2 });
    node.receive(accepted(1, 3));
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 3, inflightAppends: 0 });
  });

  test("a full window stops, heartbeat replies ask with one empty append, an ack reopens it", () => {
    const node = leaderOfTwo({ options: { windowAppends: 4 } });
    const outputs = Array.from({ length: 7 }, () => node.propose());
    expect(outputs.map((output) => appends(output).length)).toEqual([1, 1, 1, 1, 0, 0, 0]);
    for (let i = 0; i < 3; i++) {
      node.tick(100);
      const asked = appends(node.receive(heartbeatReply(1)));
      expect(asked).toMatchObject([{ prevIndex: 5, batches: [] }]);
      expect(progressOf(node, 2).inflightAppends).toBe(4);
    }
    expect(appends(node.propose())).toEqual([]);
    expect(sentRanges(node.receive(accepted(1, 2)))).toEqual([
      [
        [6, 6],
        [7, 7],
        [8, 8],
        [9, 9],
      ],
    ]);
  });

  test("heartbeat rounds for reads do not ask again within the interval", () => {
    const node = leaderOfTwo();
    node.propose();
    node.tick(100);
    const counts: number[] = [];
    for (let token = 1; token <= 5; token++) {
      node.read(token);
      counts.push(appends(node.receive(heartbeatReply(1, { readToken: token }))).length);
    }
    expect(counts).toEqual([1, 0, 0, 0, 0]);
  });

  test("no empty append is sent beside entries", () => {
    const node = leaderOfTwo();
    node.propose();
    node.feed({ kind: InputKind.message, message: heartbeatReply(1) });
    expect(sentRanges(node.propose())).toEqual([[[3, 3]]]);
  });

  test("no empty append is sent to who has everything", () => {
    const node = leaderOfTwo();
    expect(appends(node.receive(heartbeatReply(1)))).toEqual([]);
  });

  test("appends that were lost are found by the next heartbeat", () => {
    const node = leaderOfTwo();
    node.propose();
    node.propose();
    expect(appends(node.receive(heartbeatReply(1)))).toMatchObject([{ prevIndex: 3, batches: [] }]);
    const output = node.receive(refused(1, 3, 1, 1));
    expect(appends(output)).toMatchObject([{ prevIndex: 1 }]);
    expect(sentRanges(output)).toEqual([
      [
        [2, 2],
        [3, 3],
      ],
    ]);
  });

  test("many refusals of appends in a row lead to one retreat", () => {
    const node = leaderOfTwo();
    for (let i = 0; i < 5; i++) {
      node.propose();
    }
    expect(appends(node.receive(refused(1, 2, 1, 1)))).toHaveLength(1);
    for (const prevIndex of [3, 4, 5]) {
      expect(appends(node.receive(refused(1, prevIndex, 1, 1)))).toEqual([]);
    }
    expect(progressOf(node, 2)).toMatchObject({ state: ProgressState.probe, nextIndex: 2 });
  });

  test("a late refusal of what matched since changes nothing", () => {
    const node = leaderOfTwo();
    node.propose();
    node.propose();
    node.receive(accepted(1, 2));
    expect(node.receive(refused(1, 2, 1, 1)).messages).toEqual([]);
    expect(progressOf(node, 2)).toMatchObject({
      state: ProgressState.replicate,
      matchIndex: 2,
      nextIndex: 4,
    });
  });

  test("an ack of more than was sent, or of less than is known, changes nothing", () => {
    const node = leaderOfTwo();
    node.propose();
    node.receive(accepted(1, 99));
    expect(progressOf(node, 2).matchIndex).toBe(1);
    node.receive(accepted(1, 2));
    node.receive(accepted(1, 1));
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 2, nextIndex: 3 });
  });

  test("replies of an earlier term change nothing", () => {
    const node = new HandDriven({ log: entries(3) });
    node.win();
    node.receive(accepted(3, 2));
    node.receive(refused(3, 1, 0, 0));
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 0, nextIndex: 2 });
  });

  test("R10 the window by bytes closes too, and lets one larger entry through", () => {
    const node = leaderOfTwo({ options: { windowBytes: 1000, maxAppendBytes: 800 } });
    node.propose(node.nextBatch(1, 3000));
    expect(progressOf(node, 2).inflightBytes).toBe(3000);
    expect(appends(node.propose())).toEqual([]);
    expect(sentRanges(node.receive(accepted(1, 2)))).toEqual([[[3, 3]]]);
  });

  test("a message fits the rest of the window when more than one entry is in question", () => {
    const node = leaderOfTwo({ options: { windowBytes: 1000, maxAppendBytes: 800 } });
    const output = node.propose(node.nextBatch(20, 96));
    expect(sentRanges(output)).toEqual([[[2, 9]], [[10, 11]], [[12, 12]]]);
    expect(progressOf(node, 2).inflightBytes).toBe(11 * 96);
  });

  test("a large batch is cut at the append limit; smaller ones are joined up to it", () => {
    const node = leaderOfTwo({ options: { maxAppendBytes: 480 } });
    const large = node.nextBatch(25, 48);
    expect(sentRanges(node.propose(large))).toEqual([[[2, 11]], [[12, 21]], [[22, 26]]]);
    for (let i = 0; i < 12; i++) {
      node.feed({ kind: InputKind.propose, batch: node.nextBatch() });
    }
    const joined = sentRanges(node.take());
    expect(joined.map((batches) => batches!.length)).toEqual([10, 2]);
  });

  test("appends carry the commit index, the sending time and the newest read token", () => {
    const node = leaderOfTwo();
    node.nowMs += 10;
    node.read(5);
    expect(appends(node.propose())).toMatchObject([
      { commitIndex: 1, sentAtMs: node.nowMs, readToken: 5 },
    ]);
  });
});

describe("a follower that cannot be reached", () => {
  test("is probed from what is known to match, after the next heartbeat reply", () => {
    const node = leaderOfTwo();
    node.propose();
    node.propose();
    expect(node.step({ kind: InputKind.unreachable, peer: 2 }).messages).toEqual([]);
    expect(progressOf(node, 2)).toMatchObject({
      state: ProgressState.probe,
      nextIndex: 2,
      inflightAppends: 0,
      inflightBytes: 0,
    });
    expect(appends(node.propose())).toEqual([]);
    expect(appends(node.receive(heartbeatReply(1)))).toMatchObject([{ prevIndex: 1, batches: [] }]);
    expect(sentRanges(node.receive(accepted(1, 1)))).toEqual([
      [
        [2, 2],
        [3, 3],
        [4, 4],
      ],
    ]);
  });

  test("does not stop the others", () => {
    const node = leaderOfTwo();
    node.receive(accepted(1, 1, { from: 3 }));
    node.step({ kind: InputKind.unreachable, peer: 2 });
    expect(appends(node.propose(), 3)).toHaveLength(1);
  });
});
