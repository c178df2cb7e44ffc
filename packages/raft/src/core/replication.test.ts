import { describe, expect, test } from "vitest";
import { batchOf, entries, entriesAfter, ranges } from "./entries.test.kit.ts";
import { HandDriven, ofKind, sentTo } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { type Append, MessageKind, type NodeId } from "./message.ts";
import { accepted, heartbeat, heartbeatReply, refused } from "./messages.test.kit.ts";
import type { Output } from "./output.ts";
import { ProgressState, type ProgressView } from "./progress.ts";

type Setup = ConstructorParameters<typeof HandDriven>[0];

/** A leader whose follower 2 has accepted everything up to its no-op and is fed at full rate. */
function leader(setup: Setup = {}): HandDriven {
  const node = new HandDriven(setup);
  node.win();
  node.persistAll();
  node.receive(accepted(node.core.term, node.core.lastIndex));
  return node;
}

function appends(output: Output, to: NodeId = 2): Append[] {
  return ofKind(sentTo(output.messages, to), MessageKind.append);
}

function sentRanges(output: Output): (readonly [number, number][] | null)[] {
  return appends(output).map((append) => ranges(append.batches));
}

function progressOf(node: HandDriven, id: NodeId): ProgressView {
  return node.core.progress().find((view) => view.id === id)!;
}

/** Answers as a follower whose disk holds `log` would: accepts or refuses with its hint. */
function followerOf(log: ReturnType<typeof entries>, term: number): HandDriven {
  return new HandDriven({ id: 2, log, hardState: { term } });
}

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
    const node = leader();
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

  for (const [name, terms] of Object.entries({
    "one entry short": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "six entries short": [1, 1, 1, 4],
    "one entry over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "two entries of a later term over": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "short with two entries of its own": [1, 1, 1, 4, 4, 4, 4],
    "two terms of its own": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  })) {
    test(`paper figure 7, a follower ${name}: few messages bring it in line`, () => {
      const log = entries(1, 1, 1, 4, 4, 5, 5, 6, 6, 6);
      const node = new HandDriven({ log, hardState: { term: 7 } });
      const follower = followerOf(entries(...terms), 8);
      let pending = appends(node.win());
      let count = 0;
      // What the leader's memory does not hold, its log does.
      while (pending.length > 0) {
        count += pending.length;
        const replies = pending.flatMap((append) => [
          ...follower.receive(append).messages,
          ...(follower.writes.length > 0 ? follower.persistAll().messages : []),
        ]);
        pending = [];
        for (const reply of replies) {
          const output = node.receive(reply);
          pending.push(...appends(output));
          for (const { to, firstIndex, lastIndex } of output.logReads) {
            const stored = new HandDriven();
            stored.receive({ ...heartbeatLike(), batches: log });
            const batches = stored.core.tailBatches(firstIndex, lastIndex, 1 << 20)!;
            const answer = { kind: InputKind.logRead, to, firstIndex, batches } as const;
            pending.push(...appends(node.step(answer)));
          }
        }
      }
      expect(follower.core.lastChain).toBe(node.core.lastChain);
      const common = terms.findIndex((term, at) => term !== [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8][at]);
      const conflicting = new Set(common < 0 ? [] : terms.slice(common)).size;
      expect(count).toBeLessThanOrEqual(conflicting + 2);
    });
  }

  function heartbeatLike(): Append {
    return {
      kind: MessageKind.append,
      from: 2,
      to: 1,
      term: 6,
      prevIndex: 0,
      prevTerm: 0,
      batches: [],
      commitIndex: 0,
      sentAtMs: 0,
      readToken: 0,
    };
  }
});

describe("replicating", () => {
  test("entries leave ahead of the answers", () => {
    const node = leader();
    expect(sentRanges(node.propose())).toEqual([[[2, 2]]]);
    expect(sentRanges(node.propose())).toEqual([[[3, 3]]]);
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 1, nextIndex: 4, inflightAppends: 2 });
    node.receive(accepted(1, 3));
    expect(progressOf(node, 2)).toMatchObject({ matchIndex: 3, inflightAppends: 0 });
  });

  test("a full window stops, heartbeat replies ask with one empty append, an ack reopens it", () => {
    const node = leader({ options: { windowAppends: 4 } });
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
    const node = leader();
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
    const node = leader();
    node.propose();
    node.feed({ kind: InputKind.message, message: heartbeatReply(1) });
    expect(sentRanges(node.propose())).toEqual([[[3, 3]]]);
  });

  test("no empty append is sent to who has everything", () => {
    const node = leader();
    expect(appends(node.receive(heartbeatReply(1)))).toEqual([]);
  });

  test("appends that were lost are found by the next heartbeat", () => {
    const node = leader();
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
    const node = leader();
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
    const node = leader();
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
    const node = leader();
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

  test("the window by bytes closes too, and lets one larger entry through", () => {
    const node = leader({ options: { windowBytes: 1000, maxAppendBytes: 800 } });
    node.propose(node.nextBatch(1, 3000));
    expect(progressOf(node, 2).inflightBytes).toBe(3000);
    expect(appends(node.propose())).toEqual([]);
    expect(sentRanges(node.receive(accepted(1, 2)))).toEqual([[[3, 3]]]);
  });

  test("a message fits the rest of the window when more than one entry is in question", () => {
    const node = leader({ options: { windowBytes: 1000, maxAppendBytes: 800 } });
    const output = node.propose(node.nextBatch(20, 96));
    expect(sentRanges(output)).toEqual([[[2, 9]], [[10, 11]], [[12, 12]]]);
    expect(progressOf(node, 2).inflightBytes).toBe(11 * 96);
  });

  test("a large batch is cut at the append limit; smaller ones are joined up to it", () => {
    const node = leader({ options: { maxAppendBytes: 480 } });
    const large = node.nextBatch(25, 48);
    expect(sentRanges(node.propose(large))).toEqual([[[2, 11]], [[12, 21]], [[22, 26]]]);
    for (let i = 0; i < 12; i++) {
      node.feed({ kind: InputKind.propose, batch: node.nextBatch() });
    }
    const joined = sentRanges(node.take());
    expect(joined.map((batches) => batches!.length)).toEqual([10, 2]);
  });

  test("appends carry the commit index, the sending time and the newest read token", () => {
    const node = leader();
    node.nowMs += 10;
    node.read(5);
    expect(appends(node.propose())).toMatchObject([
      { commitIndex: 1, sentAtMs: node.nowMs, readToken: 5 },
    ]);
  });
});

describe("a follower that cannot be reached", () => {
  test("is probed from what is known to match, after the next heartbeat reply", () => {
    const node = leader();
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
    const node = leader();
    node.receive(accepted(1, 1, { from: 3 }));
    node.step({ kind: InputKind.unreachable, peer: 2 });
    expect(appends(node.propose(), 3)).toHaveLength(1);
  });
});

describe("a follower that needs entries no longer in memory", () => {
  const log = entries(1, 1, 1, 1, 1, 1);
  const first = entries(1)[0]!;
  const restOfLog = entriesAfter(first, 1, 1, 1, 1, 1);

  /** A leader of term 2 with the log on disk only; follower 2 has entry 1. */
  function laggingLeader(options: NonNullable<Setup>["options"] = {}): [HandDriven, Output] {
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
    const node = leader({ options: { windowAppends: 1 } });
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
    const node = leader({ options: { tailBytes: 0 } });
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
