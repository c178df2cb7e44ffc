import { expect, test } from "vitest";
import { type Append, MessageKind } from "../../src/core/message.ts";
import { singleEntry } from "../../src/entry/batch-builder.ts";
import type { EntryBatch } from "../../src/entry/entry-batch.ts";
import { EntryType } from "../../src/entry/record.ts";
import { GroupCluster } from "./group-cluster.ts";

/** A process that stood still hears of two leaders at once: what it had proposed is gone, and others' entries stand there. */
test("a write is not answered by the entry that took its place, though both come in one turn", async () => {
  const cluster = new GroupCluster(3);
  cluster.onWay = (message) => (message.kind === MessageKind.append ? null : message);
  await cluster.start();
  const leads = () => cluster.nodes.find(({ group }) => group?.status().role === "leader");
  await cluster.runUntil("a leader", () => leads() !== undefined);
  const { id, group, machine } = leads()!;
  const { term, lastIndex } = group!.status();
  expect(lastIndex).toBe(1);
  const mine = cluster.propose(group!, "mine");
  await cluster.run(50);
  expect(mine.text).toBe("waits");

  const opening = entry(EntryType.noop, "", 1, term + 1, 0);
  const theirs = entry(EntryType.normal, "theirs", 2, term + 1, opening.chain);
  const [next, last] = [1, 2, 3].filter((each) => each !== id) as [number, number];
  group!.onMessage(append(next, id, term + 1, 0, 0, [opening, theirs], 0));
  group!.onMessage(append(last, id, term + 2, 2, term + 1, [], 2));
  await cluster.run(50);
  expect(machine.items).toEqual(["theirs"]);
  expect(mine.text).toBe("DT_RAFT_LEADERSHIP_LOST");
});

function entry(type: EntryType, text: string, index: number, term: number, chain: number) {
  return singleEntry(type, Buffer.from(text), index, term, 1, chain);
}

function append(
  from: number,
  to: number,
  term: number,
  prevIndex: number,
  prevTerm: number,
  batches: readonly EntryBatch[],
  commitIndex: number,
): Append {
  const kind = MessageKind.append;
  const sentAtMs = 0;
  return {
    kind,
    from,
    to,
    term,
    prevIndex,
    prevTerm,
    batches,
    commitIndex,
    sentAtMs,
    readToken: 0,
  };
}
