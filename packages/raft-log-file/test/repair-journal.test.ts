import { expect, test } from "vitest";
import { decodeJournalHeader, type Extent, frameAt } from "../src/format/journal-format.ts";
import type { FaultyDisk } from "../src/testing/index.ts";
import { type Member, pathOf, startedCluster, statusOf, until, write } from "./cluster-member.ts";
import { expectEqual } from "./equal-logs.ts";

/** Every flush goes to the journal, and none to another file before the end. */
const JOURNAL = { hotFlushes: 1, fileBytes: 1 << 20 };
const JOURNAL_PATH = `${pathOf(2)}/journal-0`;
const GROUPS = [1, 2, 3];

interface Place {
  readonly extent: Extent;
  /** Offset of its bytes in the journal. */
  readonly at: number;
}

/** The last flush of a group in a member's journal that a later sync of the journal proves to have been synced. */
function lastSynced(disk: FaultyDisk, groupId: number): Place | null {
  const bytes = disk.contentOf(JOURNAL_PATH);
  const { seed = 0 } = decodeJournalHeader(bytes, JOURNAL_PATH) ?? {};
  let found: Place | null = null;
  for (let frame = frameAt(bytes, 4096, seed); frame !== null;) {
    const next = frameAt(bytes, frame.end, seed);
    let at = frame.contentAt;
    for (const extent of next === null ? [] : frame.extents) {
      found = extent.groupId === groupId ? { extent, at } : found;
      at += extent.length;
    }
    frame = next;
  }
  return found;
}

/** Writes until the last entries of group 2 are in the journal of `b`, with a sync behind them. */
async function writeToJournal(members: readonly Member[], b: Member): Promise<Place> {
  for (;;) {
    const committed = await write(members, 2, 3);
    await until(() => members.every((each) => statusOf(each, 2).appliedIndex >= committed));
    const behind = await write(members, 3, 1);
    await until(() => members.every((each) => statusOf(each, 3).appliedIndex >= behind));
    const place = lastSynced(b.disk, 2);
    if (place?.extent.lastIndex === committed) {
      return place; // Not so when these entries began a segment: those are synced there.
    }
  }
}

test("G4 D5 D6 committed entries whose only copy is damaged in the journal come from a peer", async () => {
  const members = await startedCluster(GROUPS, JOURNAL);
  const [a, b, c] = members as [Member, Member, Member];
  const { extent, at } = await writeToJournal(members, b);
  const { lastIndex } = extent;
  await b.losePower();
  b.disk.flipBit(JOURNAL_PATH, (at + 150) * 8);
  await write([a, c], 2, 1);
  await Promise.all([a.stop(), c.stop()]);

  // A majority of which neither knows what it has promised: the other groups go on, this one has no votes.
  await c.damage(2, lastIndex);
  const started = Promise.all([b.start(members, GROUPS), c.start(members, GROUPS)]);
  await write([b, c], 1, 1);
  await write([b, c], 3, 1);
  expect(b.data?.recovered?.damagedGroups).toEqual([2]);
  expect([b, c].map((each) => each.groups.has(2))).toEqual([false, false]);

  await a.start(members, GROUPS);
  expect(await started).toEqual([[], []]);
  const index = await write(members, 2, 1);
  expect(index).toBeGreaterThan(lastIndex);
  await until(() => members.every((each) => statusOf(each, 2).appliedIndex >= index));
  await expectEqual(members, GROUPS);
});
