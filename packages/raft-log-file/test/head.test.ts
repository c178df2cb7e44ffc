import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { FileLog } from "../src/file-log.ts";
import type { FileLogOptions } from "../src/options.ts";
import {
  EVERYTHING_SURVIVES,
  type FaultyDisk,
  NOTHING_SURVIVES,
  randomCrash,
} from "../src/testing/index.ts";
import { checkAfterCrash, cutAt, operationsOf, run, type Script } from "./crash.ts";
import { LOCATION, LOG_PATH, newDisk, openOn, segmentPath, STATUS_PATH } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };
const NOW_MS = 1_700_000_000_000;
const QUICK: FileLogOptions = { segmentBytes: 16 << 10, dropDelayMs: 0 };

interface Fixture {
  readonly disk: FaultyDisk;
  readonly maker: EntryMaker;
  readonly log: FileLog;
  /** Moves both clocks. */
  readonly pass: (ms: number) => void;
}

/** An open log with the entries 1 to 12 in four segments. */
async function fixture(options: FileLogOptions = QUICK): Promise<Fixture> {
  const disk = newDisk();
  const maker = new EntryMaker();
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, wallMs: () => NOW_MS + nowMs };
  const log = new FileLog(LOCATION, options, disk, clock);
  await log.open();
  await store(log, maker.write([], 0, HARD_STATE));
  await append(log, maker, 12);
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { disk, maker, log, pass };
}

async function append(log: FileLog, maker: EntryMaker, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await store(log, maker.write(maker.filled(1, 1, 3500)));
  }
}

/** Segments, the one to be and the spare. */
function files(disk: FaultyDisk): string[] {
  return disk.paths().filter((path) => path.startsWith(LOG_PATH) && /log$|tmp$/.test(path));
}

/** Writes until everything that was dropped has come to its end. */
async function settle({ log, maker }: Fixture): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await store(log, maker.write([]));
    await new Promise(setImmediate);
  }
}

describe("a head that may go", () => {
  test("goes by whole segments, never beyond what may go, and its files go", async () => {
    const it = await fixture();
    const { disk, log, maker } = it;
    expect(files(disk)).toContain(segmentPath(4));
    log.dropHead(6);
    await settle(it);
    expect(log.firstIndex).toBe(4);
    expect(files(disk)).not.toContain(segmentPath(1));
    expect(await readRecords(log, 12)).toHaveLength(12);
    await expect(log.read(3, 5, 100)).rejects.toMatchObject({
      code: "DT_LOG_COMPACTED",
      fault: { wantedIndex: 3, firstIndex: 4 },
    });
    log.dropHead(1000);
    await settle(it);
    expect(log.firstIndex).toBe(10);
    await append(log, maker, 3);
    await log.close();
    const found = await openOn(disk);
    expect(found.state).toMatchObject({
      firstIndex: 13,
      lastIndex: 15,
      prevIndex: 12,
      prevTerm: 1,
    });
    expect(found.state.prevChain).toBe(maker.chainAt(12));
  });

  test("stays as long as somebody reads it, and the read gets what it asked for", async () => {
    const it = await fixture();
    const { disk, log, maker } = it;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const open = disk.open.bind(disk);
    disk.open = async (path, mode) => {
      const file = await open(path, mode);
      if (path === segmentPath(1) && mode === "read") {
        await held;
      }
      return file;
    };
    const reading = log.read(1, 2, 1 << 20);
    log.dropHead(12);
    await settle(it);
    expect(log.firstIndex).toBe(10);
    expect(files(disk)).toContain(segmentPath(1));
    release();
    const [batch] = await reading;
    expect(batch?.bytes).toEqual(Buffer.concat(maker.records.slice(0, 2)));
    await settle(it);
    expect(files(disk)).not.toContain(segmentPath(1));
  });

  test("stays for the delay, for readers of other processes", async () => {
    const it = await fixture({ ...QUICK, dropDelayMs: 5000 });
    it.log.dropHead(7);
    await settle(it);
    expect(it.log.firstIndex).toBe(7);
    expect(files(it.disk)).toContain(segmentPath(1));
    it.pass(5000);
    it.log.dropHead(7);
    await settle(it);
    expect(files(it.disk)).not.toContain(segmentPath(1));
  });

  test("goes when its time has come, also while a full disk keeps what follows it", async () => {
    const it = await fixture({ ...QUICK, dropDelayMs: 5000 });
    it.log.dropHead(4);
    await settle(it);
    it.disk.fault = ({ kind, path }) =>
      kind === "write" && path.startsWith(STATUS_PATH) ? { error: "ENOSPC" } : null;
    it.log.dropHead(7);
    await settle(it);
    it.pass(5000);
    it.log.dropHead(7);
    await settle(it);
    expect(files(it.disk)).not.toContain(segmentPath(1));
    expect(files(it.disk)).toContain(segmentPath(4));
    it.disk.fault = () => null;
    it.log.dropHead(7);
    await settle(it);
    it.pass(5000);
    it.log.dropHead(7);
    await settle(it);
    expect(files(it.disk)).not.toContain(segmentPath(4));
  });

  test("stays up to the bytes that are to be kept", async () => {
    const it = await fixture({ ...QUICK, retainBytes: 40_000 });
    it.log.dropHead(100);
    await settle(it);
    expect(it.log.firstIndex).toBe(4);
  });

  test("stays while its entries are young", async () => {
    const it = await fixture({ ...QUICK, retainMs: 60_000 });
    it.log.dropHead(100);
    await settle(it);
    expect(it.log.firstIndex).toBe(1);
    it.pass(60_001);
    it.log.dropHead(100);
    await settle(it);
    expect(it.log.firstIndex).toBe(10);
  });

  test("D21 a segment that is missing behind a head is noticed", async () => {
    const it = await fixture();
    it.log.dropHead(4);
    await settle(it);
    await it.log.close();
    it.disk.lose(segmentPath(4));
    await expect(openOn(it.disk)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
      message: expect.stringMatching(/index 4 is missing/),
    });
  });
});

describe("a segment that is used again", () => {
  /** A log whose last segment has an earlier life: entries 1 to 3. */
  async function recycled(): Promise<Fixture> {
    const it = await fixture();
    it.log.dropHead(4);
    await settle(it);
    await append(it.log, it.maker, 4);
    return it;
  }

  test("is the dropped file: nothing new is allocated", async () => {
    const it = await fixture();
    await append(it.log, it.maker, 30);
    const made = (): number =>
      it.disk.operations.filter(({ kind, path }) => kind === "remove" && path.endsWith(".log"))
        .length;
    for (let i = 0; i < 10; i++) {
      await append(it.log, it.maker, 3);
      it.log.dropHead(it.log.firstIndex + 3);
      await settle(it);
    }
    expect(made()).toBe(0);
    expect(files(it.disk).length).toBeLessThanOrEqual(17);
  });

  test("D17 replay stops at the new end, before the valid records of the earlier life", async () => {
    const { disk, maker, log } = await recycled();
    const last = files(disk).findLast((path) => path.endsWith(".log")) as string;
    const old = disk.contentOf(last).indexOf(maker.records[1] as Buffer);
    expect(old).toBeGreaterThan(4096 + 3500);
    const { lastIndex } = maker;
    await log.close();
    const clean = await openOn(disk);
    expect(clean.state.lastIndex).toBe(lastIndex);
    expect(clean.log.recovery).toMatchObject({ tornBytes: 0, brokenFile: null });
    await clean.log.close();
  });

  test("D17 a torn flush is told from the earlier life, and damage from both", async () => {
    const { disk, maker, log } = await recycled();
    const last = files(disk).findLast((path) => path.endsWith(".log")) as string;
    const { lastIndex } = maker;
    const before = disk.contentOf(last);
    await append(log, maker, 1);
    const after = disk.contentOf(last);
    const at = before.findIndex((byte, i) => byte !== after[i]);
    const torn = disk.afterKill();
    torn.damage(last, (bytes) => {
      before.copy(bytes, at + 1000, at + 1000, at + 2000);
    });
    const found = await openOn(torn.clone());
    expect(found.state.lastIndex).toBe(lastIndex);
    expect(found.log.recovery?.tornBytes).toBeGreaterThan(3000);
    expect(found.log.recovery?.tornBytes).toBeLessThan(3600);
    const lost = disk.clone();
    lost.damage(last, (bytes) => {
      before.copy(bytes, at, at, at + 4);
    });
    expect((await openOn(lost)).state.lastIndex).toBe(lastIndex);
    await append((await openOn(torn)).log, maker, 0);
  });
});

/** A life with heads that go, files that are used again, and snapshots that take the place of entries. */
const life: Script = async (disk, model) => {
  const maker = new EntryMaker();
  const { log } = await openOn(disk, QUICK);
  await model.write(log, maker.write([], 0, HARD_STATE));
  for (let i = 0; i < 9; i++) {
    await model.write(log, maker.write(maker.filled(1, 1, 3500)));
  }
  model.dropHead(log, 7);
  for (let i = 0; i < 9; i++) {
    await model.write(log, maker.write(maker.filled(1, 1, 2000 + 300 * i)));
  }
  model.dropHead(log, 14);
  const from = maker.cutFrom(17);
  await model.write(log, maker.write(maker.filled(2, 2, 900), from, { ...HARD_STATE, term: 2 }));
  const base = { index: 30, term: 2, chain: 77 };
  maker.resetTo(base);
  const hardState = { term: 3, vote: 0, commitIndex: 30 };
  await model.write(log, maker.write(maker.filled(3, 2, 700), 0, hardState, base));
  for (let i = 0; i < 9; i++) {
    await model.write(log, maker.write(maker.filled(3, 1, 3100)));
  }
  model.dropHead(log, 38);
  await model.write(log, maker.write(maker.filled(3, 3, 3000)));
  maker.resetTo({ index: 60, term: 3, chain: 78 });
  await model.write(log, maker.write([], 0, null, { index: 60, term: 3, chain: 78 }));
  await log.close();
};

describe("a crash at any moment of a life with heads that go", async () => {
  const { length } = await operationsOf(life, newDisk());

  test.each([
    ["nothing that was not synced survives", 0, () => NOTHING_SURVIVES],
    ["everything survives, the last write in part", 1000, () => EVERYTHING_SURVIVES],
    ["any sectors survive", Infinity, (i: number) => randomCrash(new SimRandom(i))],
    ["any other sectors survive", Infinity, (i: number) => randomCrash(new SimRandom(~i))],
  ])("D2 D17 D18 D22 %s", async (_name, afterBytes, choices) => {
    for (let moment = 0; moment < length; moment++) {
      const disk = newDisk();
      const model = new LogModel();
      cutAt(disk, moment, afterBytes);
      await run(life, disk, model);
      await checkAfterCrash(disk, choices(moment), model).catch((error: unknown) => {
        const operation = JSON.stringify(disk.operations.at(-1));
        throw new Error(`crash at operation ${moment}, ${operation}`, { cause: error });
      });
    }
  });
});

test("D22 a thousand drops and crashes leave no more than two segments beside what is needed", async () => {
  const random = new SimRandom(22);
  let disk = newDisk();
  const maker = new EntryMaker();
  for (let round = 0; round < 1000; round++) {
    const { log, state } = await openOn(disk, { ...QUICK, segmentBytes: 8 << 10 });
    expect(state.lastIndex).toBe(maker.lastIndex);
    expect(files(disk).length).toBeLessThanOrEqual(4);
    const hardState = round === 0 ? HARD_STATE : null;
    await store(log, maker.write(maker.filled(1, 1, random.int(1000, 3000)), 0, hardState));
    log.dropHead(maker.lastIndex);
    await new Promise(setImmediate);
    if (round % 3 === 0) {
      await log.close();
    }
    disk = disk.crash(randomCrash(random));
  }
});
