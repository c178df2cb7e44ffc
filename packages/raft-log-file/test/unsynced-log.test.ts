import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import type { FileLogOptions } from "../src/options.ts";
import {
  type CrashChoices,
  EVERYTHING_SURVIVES,
  type FaultyDisk,
  NOTHING_SURVIVES,
  randomCrash,
  SECTOR_BYTES,
} from "../src/testing/index.ts";
import { cutAt } from "./crash.ts";
import { newDisk, openOn, segmentPath, SMALL, STATUS_PATH } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { codesOf, failOnce, HARD_STATE } from "./faulty-log.ts";

const UNSYNCED: FileLogOptions = { ...SMALL, durability: "os", dropDelayMs: 0 };

test("a log that runs without syncs ends at its first hole, whatever stands behind it", async () => {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk, UNSYNCED);
  for (let i = 0; i < 3; i++) {
    await store(log, maker.write(maker.filled(1, 1, 600), 0, HARD_STATE));
  }
  const lost = 4096 + 32 + 640;
  disk.damage(segmentPath(1), (bytes) => {
    bytes.fill(0, lost, lost + SECTOR_BYTES);
  });
  const found = await openOn(disk.afterKill(), UNSYNCED);
  expect(found.state.lastIndex).toBe(1);
  expect(found.log.recovery?.tornBytes).toBeGreaterThan(600);
});

describe("a log that runs without syncs opens after a power cut at any moment", () => {
  interface Written {
    /** Every record that index i ever had at i - 1. */
    readonly records: string[][];
    term: number;
  }

  /** Appends over the ends of segments, votes, cuts, drops the head. */
  async function life(disk: FaultyDisk, written: Written): Promise<void> {
    const maker = new EntryMaker();
    const { log } = await openOn(disk, UNSYNCED);
    for (let term = 1; term <= 4; term++) {
      const from = term === 1 ? 0 : maker.cutFrom(maker.lastIndex - 1);
      const change = { term, vote: term, commitIndex: 0 };
      for (let i = 0; i < 4; i++) {
        const batches = maker.filled(term, 2, 1500);
        for (const [at, record] of maker.records.entries()) {
          (written.records[at] ??= []).push(record.toString("hex"));
        }
        await store(log, maker.write(batches, i === 0 ? from : 0, i === 0 ? change : null));
        written.term = term;
      }
      log.dropHead(maker.lastIndex - 8);
    }
    await log.close();
  }

  async function sweep(choices: (moment: number) => CrashChoices): Promise<void> {
    const whole = newDisk();
    await life(whole, { records: [], term: 0 });
    for (let moment = 0; moment < whole.operations.length; moment += 2) {
      const disk = newDisk();
      const written: Written = { records: [], term: 0 };
      cutAt(disk, moment, moment % 4 === 0 ? 700 : Infinity);
      await Promise.race([life(disk, written), disk.whenOff]);
      const { log, state } = await openOn(disk.crash(choices(moment)), UNSYNCED);
      expect(state.damaged, `power cut at operation ${moment}`).toBeUndefined();
      expect(state.hardState.term).toBeGreaterThanOrEqual(written.term);
      const found = await readRecords(log, state.lastIndex);
      for (let at = state.firstIndex - 1; at < found.length; at++) {
        expect(written.records[at]).toContain(found[at]?.toString("hex"));
      }
      await log.close();
    }
  }

  test("where nothing survives that was not synced", () => sweep(() => NOTHING_SURVIVES));
  test("where everything survives that was written", () => sweep(() => EVERYTHING_SURVIVES));
  test.each([1, 2])("where anything survives, draw %i", (draw) =>
    sweep((moment) => randomCrash(new SimRandom(draw * 100_000 + moment))),
  );
});

test("a log that runs without syncs stops when its segment cannot be made whole for the next one", async () => {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk, UNSYNCED);
  await store(log, maker.write(maker.filled(1, 3, 3500), 0, HARD_STATE));
  // Of the data, not of the zeros ahead of it: the system has dropped what it could not store.
  failOnce(disk, "ENOSPC", ({ kind, path }) => kind === "sync" && path === segmentPath(1));
  const codes = [];
  for (let i = 0; i < 2; i++) {
    codes.push(...(await codesOf(log, [maker.write(maker.filled(1, 1, 3500))])));
  }
  expect(codes).toEqual(["DT_LOG_POISONED", "DT_LOG_POISONED"]);
});

describe("a log that is opened with another durability", () => {
  /** A log with an entry of each, and four more of the second. */
  async function changed(first: FileLogOptions, second: FileLogOptions): Promise<FaultyDisk> {
    const disk = newDisk();
    const maker = new EntryMaker();
    const before = await openOn(disk, first);
    await store(before.log, maker.write(maker.filled(1, 1, 100), 0, HARD_STATE));
    await before.log.close();
    const { log } = await openOn(disk, second);
    for (let i = 0; i < 4; i++) {
      await store(log, maker.write(maker.filled(1, 1, 600)));
    }
    return disk;
  }

  /** In the payload of the third entry, which is the second of a segment that begins at index 2. */
  const IN_THIRD = 4096 + 32 + 640 + 32 + 300;

  test("with syncs now, tells damage to what it acknowledged from a torn end", async () => {
    const disk = (await changed(UNSYNCED, SMALL)).crash(NOTHING_SURVIVES);
    disk.flipBit(segmentPath(2), IN_THIRD * 8);
    const { state } = await openOn(disk);
    expect(state.damaged).toMatchObject([{ firstIndex: 3, lastIndex: 3 }]);
    expect(state.lastIndex).toBe(5);
  });

  test("without syncs now, ends at a hole that a power cut left", async () => {
    const disk = await changed(SMALL, UNSYNCED);
    const hole = Math.floor(IN_THIRD / SECTOR_BYTES);
    const after = disk.crash({ sectors: (sector) => sector !== hole, names: (count) => count });
    const { state } = await openOn(after, UNSYNCED);
    expect(state.damaged).toBeUndefined();
    expect(state.lastIndex).toBe(2);
  });

  test("begins where it did, when the power went before its status told so", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    await store(log, maker.write(maker.filled(1, 2, 100), 0, HARD_STATE));
    const base = maker.resetTo({ index: 50, term: 1, chain: 5 });
    disk.fault = ({ kind, path }) =>
      kind === "write" && path.startsWith(STATUS_PATH) && disk.paths().includes(segmentPath(51))
        ? { powerCutAfterBytes: 0 }
        : null;
    await Promise.race([store(log, maker.write([], 0, null, base)), disk.whenOff]);
    const after = disk.crash(NOTHING_SURVIVES);
    const unsynced = await openOn(after, UNSYNCED);
    expect(unsynced.state.firstIndex).toBe(51);
    await store(unsynced.log, maker.write(maker.filled(1, 1, 100)));
    await unsynced.log.close();
    expect((await openOn(after, UNSYNCED)).state).toMatchObject({ firstIndex: 51, lastIndex: 51 });
  });

  test("and cut, goes on all the same", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const before = await openOn(disk, UNSYNCED);
    await store(before.log, maker.write(maker.filled(1, 3, 100), 0, HARD_STATE));
    await before.log.close();
    const { log } = await openOn(disk);
    await store(log, maker.write([], maker.cutFrom(2)));
    await store(log, maker.write(maker.filled(1, 2, 100)));
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });
});
