import { describe, expect, test } from "vitest";
import { entries } from "./entries.test.kit.ts";
import { HandDriven } from "./hand-driven.test.kit.ts";
import { type Input, InputKind } from "./input.ts";
import { accepted, append, heartbeatReply, refused } from "./messages.test.kit.ts";
import type { LogReadRequest } from "./output.ts";
import { ProgressState } from "./progress.ts";
import { appends, leaderOfTwo, progressOf, sentRanges } from "./replication.test.kit.ts";

describe("probing", () => {
  test("one append at a time until the follower answers", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    const won = node.win();
    expect(appends(won)).toMatchObject([{ prevIndex: 2, prevTerm: 1 }]);
    expect(appends(node.propose())).toEqual([]);
    expect(progressOf(node, 2)).toMatchObject({ state: ProgressState.probe, nextIndex: 3 });
    const output = node.receive(accepted(2, 3));
    expect(sentRanges(output)).toEqual([[[4, 4]]]);
    expect(progressOf(node, 2)).toEqual({
      id: 2,
      state: ProgressState.replicate,
      matchIndex: 3,
      nextIndex: 5,
      inflightAppends: 1,
      inflightBytes: 48,
    });
  });

  test("each heartbeat reply allows one more, without entries", () => {
    const node = new HandDriven();
    node.win();
    for (let i = 0; i < 3; i++) {
      node.tick(100);
      const output = node.receive(heartbeatReply(1));
      expect(appends(output)).toMatchObject([{ prevIndex: 0, batches: [] }]);
      expect(appends(node.propose())).toEqual([]);
    }
  });

  test("a refusal moves on at once, by whole terms from both sides", () => {
    const node = new HandDriven({ log: entries(1, 1, 1, 4, 4, 5, 5, 6, 6, 6) });
    node.win();
    const output = node.receive(refused(7, 10, 10, 3));
    expect(appends(output)).toMatchObject([{ prevIndex: 3, prevTerm: 1 }]);
  });

  test("a refusal of another probe than the last is old news", () => {
    const node = new HandDriven({ log: entries(1, 1, 1, 4, 4) });
    node.win();
    node.receive(refused(5, 5, 5, 3));
    expect(node.receive(refused(5, 5, 1, 1)).messages).toEqual([]);
    expect(progressOf(node, 2)).toMatchObject({ state: ProgressState.probe, nextIndex: 4 });
  });

  test("a refusal of what is known to match is not answered with another probe", () => {
    const node = leaderOfTwo();
    node.step({ kind: InputKind.unreachable, peer: 2 });
    expect(node.receive(refused(1, 1, 0, 0)).messages).toEqual([]);
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 1, nextIndex: 2 });
  });

  test("a refusal that names an entry of the leader's ends the search", () => {
    const node = new HandDriven({ log: entries(1, 1, 1, 4, 4) });
    node.win();
    node.receive(refused(5, 5, 3, 1));
    expect(progressOf(node, 2)).toMatchObject({
      state: ProgressState.replicate,
      matchIndex: 0,
      nextIndex: 4,
    });
  });

  test("a refusal that names an entry the leader has not does not end the search", () => {
    const node = new HandDriven({ log: entries(1, 2, 2, 5) });
    node.win();
    node.receive(refused(6, 4, 3, 3));
    expect(progressOf(node, 2)).toMatchObject({ state: ProgressState.probe, nextIndex: 4 });
  });
});

const FIGURE_7_LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

describe("paper figure 7: a few messages bring in line a follower", () => {
  const log = entries(...FIGURE_7_LEADER);

  /** Answers a log read of the leader, whose memory holds none of `log`. */
  function stored({ to, firstIndex, lastIndex }: LogReadRequest): Input {
    const disk = new HandDriven();
    disk.receive(append({ term: 6, batches: log }));
    const batches = disk.core.tailBatches(firstIndex, lastIndex, 1 << 20) ?? [];
    return { kind: InputKind.logRead, to, firstIndex, batches };
  }

  for (const [name, terms] of Object.entries({
    "one entry short": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "six entries short": [1, 1, 1, 4],
    "one entry over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "two entries of a later term over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "short, with two entries of its own": [1, 1, 1, 4, 4, 4, 4],
    "of two terms of its own": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  })) {
    test(`that is ${name}`, () => {
      const node = new HandDriven({ log, hardState: { term: 7 } });
      const follower = new HandDriven({ id: 2, log: entries(...terms), hardState: { term: 8 } });
      let pending = appends(node.win());
      let count = 0;
      while (pending.length > 0) {
        count += pending.length;
        const replies = pending.flatMap((message) => follower.receive(message).messages);
        if (follower.writes.length > 0) {
          replies.push(...follower.persistAll().messages);
        }
        pending = replies.flatMap((reply) => {
          const output = node.receive(reply);
          const reads = output.logReads.flatMap((read) => appends(node.step(stored(read))));
          return [...appends(output), ...reads];
        });
      }
      expect(follower.core.lastChain).toBe(node.core.lastChain);
      const own = terms.filter((term, at) => term !== FIGURE_7_LEADER[at]);
      expect(count).toBeLessThanOrEqual(new Set(own).size + 2);
    });
  }
});
