import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { checkAfterCrash, run, type Script } from "./crash.ts";
import { LOG_PATH, newDisk, openOn, segmentPath } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";
import { EVERYTHING_SURVIVES, type FaultyDisk, NOTHING_SURVIVES } from "../src/testing/index.ts";
import { SECTOR_BYTES } from "../src/testing/index.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };

/** Two flushes that are acknowledged, then one that meets a power cut after so many bytes. */
function tornAfter(bytes: number, maker = new EntryMaker()): Script {
  return async (disk, model) => {
    const { log } = await openOn(disk);
    await model.write(log, maker.write(maker.filled(1, 2, 333), 0, HARD_STATE));
    await model.write(log, maker.write(maker.filled(1, 1, 50)));
    disk.fault = (operation) => (operation.kind === "write" ? { powerCutAfterBytes: bytes } : null);
    await model.write(log, maker.write(maker.filled(1, 3, 203)));
  };
}

/** Bytes of the flush that `tornAfter` tears: the frame and three records. */
const FLUSH_BYTES = 32 + 3 * 248;

describe("a flush of three records that a power cut tears", () => {
  test("D1 after every byte, leaves a prefix of its records behind the acknowledged ones", async () => {
    const lengths = new Set<number>();
    for (let bytes = 0; bytes <= FLUSH_BYTES; bytes++) {
      const disk = newDisk();
      const model = new LogModel();
      await run(tornAfter(bytes), disk, model);
      expect(model.acked.records).toHaveLength(3);
      const copy = disk.afterKill();
      lengths.add((await openOn(copy)).state.lastIndex);
      await checkAfterCrash(disk, EVERYTHING_SURVIVES, model);
    }
    expect(lengths).toEqual(new Set([3, 4, 5, 6]));
  });

  test("D2 with every subset of its sectors on the platter, leaves such a prefix", async () => {
    for (let subset = 0; subset < 8; subset++) {
      const disk = newDisk();
      const model = new LogModel();
      await run(tornAfter(Infinity), disk, model);
      let seen = 0;
      const order = new Map<number, number>();
      const sectors = (sector: number): boolean => {
        if (!order.has(sector)) {
          order.set(sector, seen++);
        }
        return (subset & (1 << (order.get(sector) ?? 0))) !== 0;
      };
      await checkAfterCrash(disk, { sectors, names: () => 0 }, model);
    }
  });

  test("D6b what it left is cut off and kept beside the segment", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    await run(tornAfter(32 + 248 + 100, maker), disk, new LogModel());
    const before = disk.contentOf(segmentPath(1));
    const copy = disk.afterKill();
    const { log, state } = await openOn(copy);
    expect(state.lastIndex).toBe(4);
    const [name = ""] = log.recovery?.brokenFile?.split("/").slice(-1) ?? [];
    expect(name).toMatch(/^0{19}1\.log\.\d{10}\.broken$/);
    const tornAt = Number(name.split(".")[2]);
    expect(log.recovery?.tornBytes).toBe(100);
    expect(before.readUInt32BE(tornAt)).toBe(243);
    await log.close();
    const again = await openOn(copy);
    expect(again.log.recovery).toMatchObject({ tornBytes: 0, brokenFile: null });
    expect(again.state.lastIndex).toBe(4);
  });

  test("D6b the kept bytes are those of the first look, also when recovery was interrupted", async () => {
    const disk = newDisk();
    await run(tornAfter(32 + 248 + 100), disk, new LogModel());
    const copy = disk.afterKill();
    const before = copy.contentOf(segmentPath(1));
    let zeroed = 0;
    copy.fault = ({ kind, path }) =>
      kind === "write" && path === segmentPath(1) && zeroed++ === 0
        ? { powerCutAfterBytes: 40 }
        : null;
    await run(async () => void (await openOn(copy)), copy, new LogModel());
    const again = copy.crash(EVERYTHING_SURVIVES);
    const { log } = await openOn(again);
    const path = log.recovery?.brokenFile ?? "";
    const offset = Number(path.split(".").at(-2));
    expect(again.contentOf(path)).toEqual(before.subarray(offset, offset + 100));
    await log.close();
  });

  test("at most eight such files are kept", async () => {
    let disk = newDisk();
    const maker = new EntryMaker();
    for (let round = 0; round < 12; round++) {
      const { log } = await openOn(disk);
      await store(log, maker.write(maker.filled(1, 1, 40), 0, HARD_STATE));
      disk.fault = ({ kind }) => (kind === "write" ? { powerCutAfterBytes: 100 } : null);
      const lost = store(log, maker.write(maker.filled(1, 1, 400)));
      await Promise.race([lost, disk.whenOff]);
      maker.cutFrom(maker.lastIndex);
      disk = disk.afterKill();
    }
    await openOn(disk);
    const broken = disk.paths().filter((path) => path.endsWith(".broken"));
    expect(broken).toHaveLength(8);
  });
});

describe("a write over the end of a segment", () => {
  const spanning: Script = async (disk, model) => {
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    await model.write(log, maker.write(maker.filled(1, 1, 4000), 0, HARD_STATE));
    await model.write(log, maker.write(maker.filled(1, 6, 2500)));
    disk.cutPower();
  };

  test("D3 is there after a power cut right behind its acknowledgement", async () => {
    const disk = newDisk();
    const model = new LogModel();
    await run(spanning, disk, model);
    expect(model.acked.records).toHaveLength(7);
    expect(disk.paths().filter((path) => path.endsWith(".log")).length).toBeGreaterThan(1);
    const after = disk.crash(NOTHING_SURVIVES);
    const { log, state } = await openOn(after);
    expect(state.lastIndex).toBe(7);
    expect(await model.check(log, state)).toEqual(model.acked);
  });

  test("D25 nothing is acknowledged before the sync that covers it has ended", async () => {
    const random = new SimRandom(25);
    let disk = newDisk();
    const maker = new EntryMaker();
    for (let round = 0; round < 1000; round++) {
      const { log, state } = await openOn(disk);
      expect(state.lastIndex).toBe(maker.lastIndex);
      const hardState = round === 0 ? HARD_STATE : null;
      await store(log, maker.write(maker.filled(1, 1, random.int(0, 60)), 0, hardState));
      disk = disk.crash(NOTHING_SURVIVES);
    }
  });
});

describe("bytes of an earlier life of the space", () => {
  async function logWithStaleBytes(): Promise<{ disk: FaultyDisk; maker: EntryMaker }> {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    await store(log, maker.write(maker.filled(1, 2, 200), 0, HARD_STATE));
    await log.close();
    return { disk, maker };
  }

  test("D17 valid records of a flush behind the end are not read as entries", async () => {
    const { disk, maker } = await logWithStaleBytes();
    const content = disk.contentOf(segmentPath(1));
    const end = 4096 + 32 + 2 * 240;
    // The first flush again, with its frame, right behind the last one: its numbers are too low.
    disk.damage(segmentPath(1), (bytes) => {
      content.copy(bytes, end, 4096, end);
    });
    const { log, state } = await openOn(disk);
    expect(state.lastIndex).toBe(2);
    await store(log, maker.write(maker.filled(1, 1, 10)));
    await log.close();
    expect((await openOn(disk)).state.lastIndex).toBe(3);
  });

  test("D17 entries that a truncation dropped do not come back when the one before them does", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    const entries = maker.filled(1, 6, 200);
    await store(log, maker.write(entries, 0, HARD_STATE));
    await store(log, maker.write([], maker.cutFrom(4)));
    // Entry 4 again, byte for byte: the dropped entry 5 would continue its chain.
    const again = maker.filled(1, 1, 200);
    await store(log, maker.write(again));
    const found = await openOn(disk.crash(EVERYTHING_SURVIVES));
    expect(found.state.lastIndex).toBe(4);
    expect(await readRecords(found.log, 4)).toEqual(maker.records);
  });

  test("D18 a truncation over two segments holds before and after its files are removed", async () => {
    for (const survives of [0, 1, 2, 3]) {
      const disk = newDisk();
      const model = new LogModel();
      const maker = new EntryMaker();
      const { log } = await openOn(disk);
      await model.write(log, maker.write(maker.filled(1, 9, 4000), 0, HARD_STATE));
      const logs = disk.paths().filter((path) => path.endsWith(".log"));
      expect(logs.length).toBeGreaterThan(2);
      disk.fault = ({ kind }) => (kind === "remove" ? { powerCutAfterBytes: 0 } : null);
      const from = maker.cutFrom(2);
      const write = model.write(
        log,
        maker.write(maker.filled(2, 1, 77), from, { ...HARD_STATE, term: 2 }),
      );
      await Promise.race([write, disk.whenOff]);
      await checkAfterCrash(disk, { sectors: () => true, names: () => survives }, model);
      expect(disk.paths().filter((path) => path.startsWith(LOG_PATH)).length).toBeGreaterThan(0);
    }
  });
});

test("a sector is smaller than the flush that the tests tear", () => {
  expect(FLUSH_BYTES).toBeGreaterThan(SECTOR_BYTES);
});
