import { describe, expect, test } from "vitest";
import { entries, entriesAfter, ranges } from "./entries.test.kit.ts";
import { HandDriven } from "./hand-driven.test.kit.ts";
import { InputKind } from "./input.ts";
import { MessageKind } from "./message.ts";
import { append, heartbeat } from "./messages.test.kit.ts";

const ALL = Number.MAX_SAFE_INTEGER;

function ack(index: number, fields: object = {}): object {
  return { kind: MessageKind.appendReply, to: 2, accepted: true, index, ...fields };
}

describe("taking entries", () => {
  test("the ack leaves when the entries are durable, and echoes the message", () => {
    const node = new HandDriven();
    const batches = entries(1, 1);
    const output = node.receive(append({ term: 1, batches, sentAtMs: 55, readToken: 7 }));
    expect(output.messages).toEqual([]);
    expect(output.write).toMatchObject({
      hardState: { term: 1, vote: 0 },
      truncateFrom: 0,
      batches,
    });
    expect(node.persistAll().messages).toEqual([
      ack(2, { from: 1, term: 1, hintIndex: 0, hintTerm: 0, sentAtMs: 55, readToken: 7 }),
    ]);
  });

  test("appends of one turn are one write and one ack", () => {
    const node = new HandDriven();
    const [one, two] = entries(1, 2);
    node.feed({
      kind: InputKind.message,
      message: append({ term: 2, batches: [one!], sentAtMs: 5 }),
    });
    node.feed({
      kind: InputKind.message,
      message: append({ term: 2, prevIndex: 1, prevTerm: 1, batches: [two!], sentAtMs: 6 }),
    });
    expect(node.take().write!.batches).toEqual([one, two]);
    expect(node.persistAll().messages).toEqual([expect.objectContaining(ack(2, { sentAtMs: 6 }))]);
  });

  test("acks of pipelined writes leave in turn", () => {
    const node = new HandDriven();
    const [one, two, three] = entries(1, 2, 3);
    node.receive(append({ term: 3, batches: [one!] }));
    node.receive(append({ term: 3, prevIndex: 1, prevTerm: 1, batches: [two!] }));
    node.receive(append({ term: 3, prevIndex: 2, prevTerm: 2, batches: [three!] }));
    expect(node.persistOne().messages).toMatchObject([ack(1)]);
    node.writes.shift();
    expect(node.persistOne().messages).toMatchObject([ack(3)]);
  });

  test("an empty append verifies what is already durable at once", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    expect(node.receive(append({ prevIndex: 2, prevTerm: 1 })).messages).toMatchObject([ack(2)]);
  });

  test("an ack waits until the term it is given in is durable", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    expect(node.receive(append({ term: 2, prevIndex: 2, prevTerm: 1 })).messages).toEqual([]);
    expect(node.persistAll().messages).toMatchObject([ack(2, { term: 2 })]);
  });

  test("an ack that verifies again what is not durable waits for the write that covers it", () => {
    const node = new HandDriven({ hardState: { term: 1 } });
    node.receive(append({ batches: entries(1, 1) }));
    node.receive(append({ batches: entries(1, 1, 1) }));
    expect(node.receive(append({ prevIndex: 2, prevTerm: 1, sentAtMs: 9 })).messages).toEqual([]);
    expect(node.persistOne().messages).toMatchObject([ack(2, { sentAtMs: 9 })]);
    expect(node.persistOne().messages).toMatchObject([ack(3)]);
  });

  test("an ack of an earlier term does not leave any more", () => {
    const node = new HandDriven();
    node.receive(append({ term: 1, batches: entries(1) }));
    node.receive(heartbeat(2, { from: 3 }));
    expect(node.persistAll().messages).toEqual([]);
  });

  test("duplicates and stragglers change nothing and are acknowledged", () => {
    const log = entries(1, 1, 1, 1, 2, 2);
    const node = new HandDriven({ log });
    for (const message of [
      append({ term: 2, batches: log }),
      append({ term: 2, prevIndex: 1, prevTerm: 1, batches: entriesAfterFirst(2) }),
      append({ term: 2, prevIndex: 5, prevTerm: 2 }),
    ]) {
      const output = node.receive(message);
      expect(output.write).toBeNull();
      expect(output.messages).toHaveLength(1);
      expect(node.core.lastIndex).toBe(6);
    }
  });

  /** Entries 2 and 3 of a log of term 1. */
  function entriesAfterFirst(count: number): ReturnType<typeof entries> {
    return entriesAfter(entries(1)[0]!, ...Array.from({ length: count }, () => 1));
  }

  test("only what is new of an overlapping append is added", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    const output = node.receive(append({ batches: entries(1, 1, 1, 1) }));
    expect(output.write!.truncateFrom).toBe(0);
    expect(ranges(output.write!.batches)).toEqual([[3, 4]]);
  });

  test("an append with a hole is refused with the end of the own log", () => {
    const node = new HandDriven({ log: entries(1, 1) });
    const output = node.receive(append({ prevIndex: 5, prevTerm: 1, sentAtMs: 8, readToken: 3 }));
    expect(output.messages).toEqual([
      {
        kind: MessageKind.appendReply,
        from: 1,
        to: 2,
        term: 1,
        accepted: false,
        index: 5,
        hintIndex: 2,
        hintTerm: 1,
        sentAtMs: 8,
        readToken: 3,
      },
    ]);
  });

  test("an append after another entry is refused with the last own entry that can agree", () => {
    const node = new HandDriven({ log: entries(1, 1, 4, 4) });
    const output = node.receive(append({ term: 5, prevIndex: 4, prevTerm: 3 }));
    expect(output.messages).toMatchObject([
      { accepted: false, index: 4, hintIndex: 2, hintTerm: 1 },
    ]);
  });

  test("entries that contradict are cut away with all that follow them, on disk too", () => {
    const node = new HandDriven({ log: entries(1, 1, 1, 1) });
    const kept = entries(1, 1)[0]!;
    const output = node.receive(
      append({ term: 3, prevIndex: 2, prevTerm: 1, batches: entriesAfter(kept, 3) }),
    );
    expect(output.write).toMatchObject({ truncateFrom: 3, hardState: { term: 3 } });
    expect(ranges(output.write!.batches)).toEqual([[3, 3]]);
    expect([node.core.lastIndex, node.core.lastTerm, node.core.durableIndex]).toEqual([3, 3, 2]);
    expect(node.persistAll().messages).toMatchObject([ack(3)]);
  });

  test("entries cut away before they were written never reach the disk", () => {
    const node = new HandDriven({ log: entries(1) });
    const first = entries(1)[0]!;
    const stale = entriesAfter(first, 2, 2);
    const fresh = entriesAfter(first, 3);
    node.feed({
      kind: InputKind.message,
      message: append({ term: 2, prevIndex: 1, prevTerm: 1, batches: stale }),
    });
    node.feed({
      kind: InputKind.message,
      message: append({ from: 3, term: 3, prevIndex: 1, prevTerm: 1, batches: fresh }),
    });
    expect(node.take().write).toMatchObject({ truncateFrom: 0, batches: fresh });
    expect(node.persistAll().messages).toMatchObject([{ to: 3, accepted: true, index: 2 }]);
  });

  test("an entry that was replaced and came back is durable only when written again", () => {
    const first = entries(1)[0]!;
    const original = entriesAfter(first, 2);
    const other = entriesAfter(first, 3);
    const node = new HandDriven({ log: [first] });
    node.receive(append({ term: 2, prevIndex: 1, prevTerm: 1, batches: original }));
    node.receive(append({ from: 3, term: 3, prevIndex: 1, prevTerm: 1, batches: other }));
    node.receive(append({ term: 4, prevIndex: 1, prevTerm: 1, batches: original }));
    expect(node.core.tailBatches(2, 2, ALL)).toEqual(original);
    expect(node.persistOne().messages).toEqual([]);
    expect(node.core.durableIndex).toBe(1);
    expect(node.persistOne().messages).toEqual([]);
    expect(node.persistOne().messages).toMatchObject([ack(2, { term: 4 })]);
    expect(node.core.durableIndex).toBe(2);
  });

  test("a leader of an earlier term is refused with the present one, and not followed", () => {
    const node = new HandDriven({ hardState: { term: 5 } });
    expect(node.receive(append({ term: 4, batches: entries(4) })).messages).toMatchObject([
      { accepted: false, term: 5 },
    ]);
    expect([node.core.lastIndex, node.core.leaderId]).toEqual([0, 0]);
  });

  test("an answer to a message of an earlier term echoes nothing: its sender may lead again since", () => {
    const node = new HandDriven({ hardState: { term: 5 } });
    const stale = { sentAtMs: 700, readToken: 9 };
    const echoesNothing = [{ term: 5, sentAtMs: -1, readToken: 0 }];
    expect(node.receive(append({ term: 4, ...stale })).messages).toMatchObject(echoesNothing);
    expect(node.receive(heartbeat(4, stale)).messages).toMatchObject(echoesNothing);
    expect(node.receive(heartbeat(5, stale)).messages).toMatchObject([{ term: 5, ...stale }]);
  });

  test("entries that do not follow each other stop the group", () => {
    const [, two] = entries(1, 2);
    for (const message of [
      append({ term: 2, batches: [two!] }),
      append({ term: 1, batches: entries(2) }),
    ]) {
      expect(() => new HandDriven().receive(message)).toThrow("follow each other");
    }
  });
});

describe("the commit index of a follower", () => {
  test("follows the leader's, up to the last entry that this very message verified", () => {
    const node = new HandDriven({ log: entries(1, 1, 1, 1) });
    expect(
      node.receive(append({ term: 2, prevIndex: 2, prevTerm: 1, commitIndex: 4 })).commitIndex,
    ).toBe(2);
    node.receive(append({ term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3 }));
    expect(node.core.commitIndex).toBe(3);
  });

  test("follows heartbeats, never goes back and never beyond the log", () => {
    const node = new HandDriven({ log: entries(1, 1, 1) });
    node.receive(heartbeat(1, { commitIndex: 2 }));
    node.receive(heartbeat(1, { commitIndex: 1 }));
    expect(node.core.commitIndex).toBe(2);
    node.receive(heartbeat(1, { commitIndex: 9 }));
    expect(node.core.commitIndex).toBe(3);
  });

  test("is not taken from a leader of an earlier term", () => {
    const node = new HandDriven({ log: entries(1, 1), hardState: { term: 3 } });
    node.receive(heartbeat(2, { commitIndex: 2 }));
    node.receive(append({ term: 2, prevIndex: 2, prevTerm: 1, commitIndex: 2 }));
    expect(node.core.commitIndex).toBe(0);
  });

  test("an append below it is acknowledged up to what is committed and durable", () => {
    const node = new HandDriven({ log: entries(1, 1, 1), hardState: { commitIndex: 2 } });
    expect(node.receive(append({ term: 1, prevIndex: 0 })).messages).toMatchObject([ack(2)]);
  });

  test("an append below it is acknowledged at once when what is committed is not yet durable", () => {
    const node = new HandDriven({ hardState: { term: 1 } });
    node.receive(append({ batches: entries(1, 1), commitIndex: 2 }));
    expect(node.receive(append({ prevIndex: 0 })).messages).toMatchObject([ack(0)]);
  });

  test("a leader that contradicts it stops the group", () => {
    const setup = { log: entries(1, 1, 1), hardState: { commitIndex: 2 } };
    expect(() =>
      new HandDriven(setup).receive(append({ term: 5, prevIndex: 2, prevTerm: 4 })),
    ).toThrow("every committed entry");
    const first = entries(1)[0]!;
    expect(() =>
      new HandDriven(setup).receive(
        append({ term: 5, prevIndex: 1, prevTerm: 1, batches: entriesAfter(first, 5) }),
      ),
    ).toThrow("never cut away");
  });

  test("the hard state never vouches for more than this disk holds of the present log", () => {
    const node = new HandDriven({ log: entries(1, 1, 1) });
    const first = entries(1)[0]!;
    const output = node.receive(
      append({
        term: 2,
        prevIndex: 1,
        prevTerm: 1,
        batches: entriesAfter(first, 2, 2),
        commitIndex: 3,
      }),
    );
    expect(output.commitIndex).toBe(3);
    expect(output.write!.hardState).toEqual({ term: 2, vote: 0, commitIndex: 1 });
  });
});

test("heartbeats are answered at once, with what they carried", () => {
  const node = new HandDriven();
  const output = node.receive(heartbeat(3, { sentAtMs: 12, readToken: 4 }));
  expect(output.messages).toEqual([
    { kind: MessageKind.heartbeatReply, from: 1, to: 2, term: 3, sentAtMs: 12, readToken: 4 },
  ]);
  expect(output.roleChange).toMatchObject({ leaderId: 2, term: 3 });
});
