import { type DamagedRange, type EntryBatch, recordHeaderCrc, recordTerm } from "@dt/raft";
import { describe, expect, test } from "vitest";
import { NOTHING_SURVIVES, type FaultyDisk, randomCrash } from "../src/testing/index.ts";
import { SimRandom } from "@dt/raft/testing";
import { LOG_PATH, newDisk, openOn, segmentPath } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";

const HARD_STATE = { term: 2, vote: 1, commitIndex: 0 };

/** A log of 21 entries in many flushes and some segments, closed. */
async function someLog(): Promise<{ disk: FaultyDisk; maker: EntryMaker }> {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk);
  await store(log, maker.write(maker.filled(1, 1, 100), 0, HARD_STATE));
  for (let i = 0; i < 10; i++) {
    await store(log, maker.write(maker.filled(i < 5 ? 1 : 2, 2, 1500)));
  }
  await log.close();
  return { disk, maker };
}

function segments(disk: FaultyDisk): string[] {
  return disk.paths().filter((path) => path.endsWith(".log"));
}

/** Flips a bit of the record of an entry. */
function damageEntry(disk: FaultyDisk, maker: EntryMaker, index: number): string {
  const record = maker.records[index - 1] as Buffer;
  const path = segments(disk).find((each) => disk.contentOf(each).includes(record)) as string;
  disk.flipBit(path, (disk.contentOf(path).indexOf(record) + 60) * 8);
  return path;
}

/** The entries of a range, as a peer has them: one batch each. */
function copyOf(maker: EntryMaker, range: DamagedRange): EntryBatch[] {
  const batches: EntryBatch[] = [];
  for (let index = range.firstIndex; index <= range.lastIndex; index++) {
    const bytes = maker.records[index - 1] as Buffer;
    const entry = { firstIndex: index, lastIndex: index, term: recordTerm(bytes, 0), bytes };
    const prevChain = maker.chainAt(index - 1);
    batches.push({ ...entry, prevChain, chain: recordHeaderCrc(bytes, 0) });
  }
  return batches;
}

async function repaired(disk: FaultyDisk, maker: EntryMaker): Promise<void> {
  const { log, state } = await openOn(disk);
  let found = state;
  for (const range of state.damaged ?? []) {
    found = await log.repair(copyOf(maker, range));
  }
  expect(found.damaged).toBeUndefined();
  expect(found.lastIndex).toBe(maker.lastIndex);
  expect(found.termRuns).toEqual([
    { firstIndex: 1, term: 1 },
    { firstIndex: 12, term: 2 },
  ]);
  expect(await readRecords(log, maker.lastIndex)).toEqual(maker.records);
  await log.close();
}

describe("entries that were damaged", () => {
  test("D5 wherever one is, it is reported, comes back from a copy, and the log goes on", async () => {
    const { disk: original, maker } = await someLog();
    for (let index = 1; index <= maker.lastIndex; index++) {
      const disk = original.clone();
      const path = damageEntry(disk, maker, index);
      for (const hint of disk.paths().filter((each) => each.endsWith(".idx"))) {
        disk.lose(hint); // Without it, every record is read.
      }
      const { log, state } = await openOn(disk.clone());
      expect(state.damaged).toHaveLength(1);
      const [range] = state.damaged as [DamagedRange];
      expect(range.file).toBe(path);
      expect(range.firstIndex <= index && index <= range.lastIndex).toBe(true);
      expect(range.lastIndex - range.firstIndex).toBeLessThan(2);
      expect(state.lastIndex).toBe(maker.lastIndex);
      await expect(log.read(index, index, 1)).rejects.toMatchObject({ code: "DT_LOG_CORRUPT" });
      await log.close();
      await repaired(disk, maker);
      const broken = disk.paths().filter((each) => each.endsWith(".broken"));
      expect(broken).toHaveLength(1);
      const again = await openOn(disk);
      expect(again.state.damaged).toBeUndefined();
      const next = maker.entriesAfter(maker.lastIndex, maker.chainAt(maker.lastIndex), 2, [
        Buffer.from("next"),
      ]);
      await store(again.log, maker.write(next));
      await again.log.close();
      expect((await openOn(disk)).state.lastIndex).toBe(maker.lastIndex + 1);
    }
  });

  test("D7 what is good beside the damage can be read, for peers with other damage", async () => {
    const { disk, maker } = await someLog();
    damageEntry(disk, maker, 19);
    const { log, state } = await openOn(disk);
    const [range] = state.damaged as [DamagedRange];
    for (let index = 1; index <= maker.lastIndex; index++) {
      if (index < range.firstIndex || index > range.lastIndex) {
        const [batch] = await log.read(index, index, 1);
        expect(batch?.bytes).toEqual(maker.records[index - 1]);
      }
    }
    await log.close();
    expect(disk.openFiles).toBe(0);
  });

  test("D5 several in one segment and in others come back in any number of pieces", async () => {
    const { disk, maker } = await someLog();
    for (const hint of disk.paths().filter((each) => each.endsWith(".idx"))) {
      disk.lose(hint);
    }
    for (const index of [2, 6, 7, 8, 14, 19]) {
      damageEntry(disk, maker, index);
    }
    const { log, state } = await openOn(disk);
    expect(state.damaged?.length).toBeGreaterThan(3);
    const all = (state.damaged ?? []).flatMap((range) => copyOf(maker, range));
    for (const batch of all.slice(0, -1)) {
      expect((await log.repair([batch])).damaged).toHaveLength(state.damaged?.length ?? 0);
    }
    const whole = await log.repair(all.slice(-1));
    expect(whole.damaged).toBeUndefined();
    expect(await readRecords(log, maker.lastIndex)).toEqual(maker.records);
  });

  test("D6c an acknowledged end that is gone comes back by its mark", async () => {
    const { disk, maker } = await someLog();
    const path = segments(disk).at(-1) as string;
    const at = disk.contentOf(path).indexOf(maker.records[19] as Buffer);
    disk.damage(path, (bytes) => {
      bytes.fill(0, at);
    });
    await repaired(disk, maker);
  });

  test("D5 other entries than those that were there are refused, and change nothing", async () => {
    const { disk, maker } = await someLog();
    damageEntry(disk, maker, 20);
    const { log, state } = await openOn(disk);
    const [range] = state.damaged as [DamagedRange];
    const other = maker.entriesAfter(range.firstIndex - 1, range.prevChain, 2, [
      Buffer.from("forged"),
      Buffer.from("entries"),
    ]);
    await expect(log.repair(other)).rejects.toMatchObject({ code: "DT_LOG_GAP" });
    await expect(log.repair(copyOf(maker, range).slice(1))).rejects.toMatchObject({
      code: "DT_LOG_GAP",
    });
    const whole = await log.repair(copyOf(maker, range));
    expect(whole.damaged).toBeUndefined();
    await log.close();
  });

  test("D7 what one peer could give only in part comes from the start again by another", async () => {
    const { disk, maker } = await someLog();
    damageEntry(disk, maker, 20);
    const { log, state } = await openOn(disk);
    const all = copyOf(maker, (state.damaged as [DamagedRange])[0]);
    expect(all.length).toBeGreaterThan(1);
    expect((await log.repair(all.slice(0, 1))).damaged).toHaveLength(1);
    expect((await log.repair(all)).damaged).toBeUndefined();
    await log.close();
  });

  test("D5 a crash anywhere in a repair leaves the damage or the repaired log", async () => {
    const { disk: original, maker } = await someLog();
    damageEntry(original, maker, 5);
    for (const hint of original.paths().filter((each) => each.endsWith(".idx"))) {
      original.lose(hint);
    }
    const whole = original.clone();
    await repaired(whole, maker);
    const { length } = whole.operations;
    for (let moment = 0; moment < length; moment++) {
      const disk = original.clone();
      let number = 0;
      disk.fault = () => (number++ === moment ? { powerCutAfterBytes: 500 } : null);
      await Promise.race([repaired(disk, maker), disk.whenOff]);
      const random = new SimRandom(moment);
      const after = disk.crash(moment % 2 === 0 ? NOTHING_SURVIVES : randomCrash(random));
      await repaired(after, maker);
      expect(after.paths().filter((path) => path.startsWith(LOG_PATH)).length).toBeGreaterThan(0);
    }
  });

  test("D9 entries that nobody else had are dropped with all behind them, whenever a crash comes", async () => {
    const { disk: original, maker } = await someLog();
    damageEntry(original, maker, 7);
    for (const hint of original.paths().filter((each) => each.endsWith(".idx"))) {
      original.lose(hint);
    }
    const cut = async (disk: FaultyDisk): Promise<void> => {
      const { log, state } = await openOn(disk);

      const left = state.damaged === undefined ? state : await log.cutDamage();
      expect(left.damaged).toBeUndefined();
      expect(left.lastIndex).toBe(6);
      expect(await readRecords(log, left.lastIndex)).toEqual(maker.records.slice(0, 6));
      const next = maker.entriesAfter(6, maker.chainAt(6), 3, [Buffer.from("another")]);
      const hardState = { ...HARD_STATE, term: 3 };
      if (disk.isOff) {
        return;
      }
      await store(log, maker.write(next, 0, hardState));
      await log.close();
      expect((await openOn(disk)).state.lastIndex).toBe(7);
    };
    const whole = original.clone();
    let operations = 0;
    whole.fault = () => {
      operations++;
      return null;
    };
    const { log } = await openOn(whole);
    await log.cutDamage();
    await log.close();
    expect(operations).toBeGreaterThan(20);
    for (let moment = 0; moment < operations; moment++) {
      const disk = original.clone();
      let number = 0;
      disk.fault = () => (number++ === moment ? { powerCutAfterBytes: 500 } : null);
      const attempt = async (): Promise<void> => {
        const opened = await openOn(disk);
        await opened.log.cutDamage();
        await opened.log.close();
      };
      await Promise.race([attempt(), disk.whenOff]);
      const random = new SimRandom(moment);
      await cut(disk.crash(moment % 2 === 0 ? NOTHING_SURVIVES : randomCrash(random)));
    }
  });

  test.each([4, 9, 19])(
    "D9 what came for entry 2 stays when entry %i and all behind it are dropped",
    async (dropped) => {
      const { disk, maker } = await someLog();
      for (const hint of disk.paths().filter((each) => each.endsWith(".idx"))) {
        disk.lose(hint);
      }
      damageEntry(disk, maker, 2);
      damageEntry(disk, maker, dropped);
      const { log, state } = await openOn(disk);
      const [first, second] = state.damaged as [DamagedRange, DamagedRange];
      await log.repair(copyOf(maker, first));
      const left = await log.cutDamage();
      expect(left.damaged).toBeUndefined();
      expect(left.lastIndex).toBe(second.firstIndex - 1);
      expect(await readRecords(log, left.lastIndex)).toEqual(
        maker.records.slice(0, second.firstIndex - 1),
      );
      await log.close();
      expect((await openOn(disk)).state.lastIndex).toBe(second.firstIndex - 1);
    },
  );

  test("D6 a header that is damaged has no known end: the log refuses", async () => {
    const { disk } = await someLog();
    disk.flipBit(segmentPath(1), 50 * 8);
    await expect(openOn(disk)).rejects.toMatchObject({ code: "DT_LOG_CORRUPT" });
  });
});

test("a log that is read while it is repaired leaves no file open", async () => {
  const { disk, maker } = await someLog();
  damageEntry(disk, maker, 2);
  const { log, state } = await openOn(disk);
  let isOver = false;
  const repairing = log.repair(copyOf(maker, (state.damaged as [DamagedRange])[0])).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await log.read(maker.lastIndex, maker.lastIndex, 1).catch(() => []);
  }
  expect((await repairing).damaged).toBeUndefined();
  await log.close();
  expect(disk.openFiles).toBe(0);
});
