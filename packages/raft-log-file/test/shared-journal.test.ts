import type { RaftLog } from "@dt/raft";
import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { FRAME_BYTES } from "../src/format/flush-frame.ts";
import { LogError } from "../src/log-error.ts";
import type { SharedJournalOptions } from "../src/sync/shared-journal.ts";
import {
  type CrashChoices,
  EVERYTHING_SURVIVES,
  FaultyDisk,
  NOTHING_SURVIVES,
  randomCrash,
} from "../src/testing/index.ts";
import { cutAt } from "./crash.ts";
import { SMALL } from "./disk-log.ts";
import { EntryMaker, store } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };
const JOURNAL: SharedJournalOptions = { hotFlushes: 3, fileBytes: 24 << 10 };
const ROOMY: SharedJournalOptions = { hotFlushes: 3, fileBytes: 1 << 20 };

interface Member {
  readonly log: RaftLog;
  readonly maker: EntryMaker;
  readonly model: LogModel;
}

function openOn(disk: FaultyDisk, journal: SharedJournalOptions): Promise<DataDirectory> {
  const lock = (): Promise<{ release(): Promise<void> }> =>
    Promise.resolve({ release: () => Promise.resolve() });
  return DataDirectory.open(
    { path: "/data", clusterId: "c", nodeId: 1 },
    { fileSystem: disk, lock, journal },
  );
}

async function openMembers(data: DataDirectory, models: readonly LogModel[]): Promise<Member[]> {
  const members: Member[] = [];
  for (const [i, model] of models.entries()) {
    const log = data.log(i + 1, SMALL);
    const content = await model.check(log, await log.open());
    model.adopt(content);
    const maker = new EntryMaker();
    maker.records.push(...content.records);
    members.push({ log, maker, model });
  }
  return members;
}

function writeAll(members: readonly Member[], bytes: number, count = 1): Promise<void[]> {
  return Promise.all(
    members.map(({ log, maker, model }) => {
      const hardState = maker.lastIndex === 0 ? HARD_STATE : null;
      return model.write(log, maker.write(maker.filled(1, count, bytes), 0, hardState));
    }),
  );
}

const isJournal = ({ path }: { readonly path: string }): boolean => path.includes("/journal-");

/** A directory whose logs share their syncs. */
async function hotDirectory(groups: number, journal = ROOMY) {
  const disk = new FaultyDisk();
  const data = await openOn(disk, journal);
  const models = Array.from({ length: groups }, () => new LogModel());
  const members = await openMembers(data, models);
  while (data.sharedSyncs.syncs === 0) {
    await writeAll(members, 100);
  }
  return { disk, data, models, members };
}

/** The logs of a disk after a power cut, each compared with what it acknowledged. */
async function reopened(disk: FaultyDisk, models: readonly LogModel[], journal = ROOMY) {
  const data = await openOn(disk, journal);
  const members = await openMembers(data, models);
  return { data, members };
}

async function codesOf(members: readonly Member[]): Promise<(string | null)[]> {
  return Promise.all(
    members.map(({ log, maker }) =>
      store(log, maker.write(maker.filled(1, 1, 100))).then(
        () => null,
        (error: unknown) => (error instanceof LogError ? error.code : String(error)),
      ),
    ),
  );
}

describe("G3 groups that write in one turn", () => {
  test("share one write and one sync, whatever their number", async () => {
    const { disk, data, members } = await hotDirectory(100);
    const from = disk.operations.length;
    await writeAll(members, 100);
    const operations = disk.operations.slice(from);
    expect(operations.filter(({ kind }) => kind === "sync")).toHaveLength(1);
    expect(operations.filter(({ kind }) => kind === "sync").every(isJournal)).toBe(true);
    expect(operations.filter((each) => each.kind === "write" && isJournal(each))).toHaveLength(1);
    await data.close();
  });

  test("all fail when that sync fails, and it is not repeated", async () => {
    const { disk, data, members } = await hotDirectory(100);
    const from = disk.operations.length;
    disk.fault = (operation) =>
      operation.kind === "sync" && isJournal(operation) ? { error: "EIO", forgets: true } : null;
    expect(new Set(await codesOf(members))).toEqual(new Set(["DT_LOG_POISONED"]));
    const syncs = disk.operations.slice(from).filter(({ kind }) => kind === "sync");
    expect(syncs).toHaveLength(1);
    expect(new Set(await codesOf(members))).toEqual(new Set(["DT_LOG_POISONED"]));
    disk.fault = () => null;
    await data.close();
    expect(disk.openFiles).toBe(0);
  });

  test("are synced one by one where they are few, without a journal", async () => {
    const disk = new FaultyDisk();
    const data = await openOn(disk, ROOMY);
    const members = await openMembers(data, [new LogModel(), new LogModel()]);
    for (let round = 0; round < 5; round++) {
      await writeAll(members, 100);
    }
    expect(disk.paths().filter((path) => isJournal({ path }))).toEqual([]);
    expect(data.sharedSyncs.syncs).toBe(0);
    await data.close();
  });

  test("are synced one by one where the journal has no space, and nothing is lost", async () => {
    const { disk, models, members } = await hotDirectory(8);
    disk.fault = (operation) =>
      operation.kind === "write" && isJournal(operation) ? { error: "ENOSPC" } : null;
    await writeAll(members, 100);
    await writeAll(members, 100);
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    await after.data.close();
  });
});

describe("flushes that are in the journal and not in their segments yet", () => {
  const isSegment = ({ path }: { readonly path: string }): boolean => path.endsWith(".log");

  test("are many to one write of a segment", async () => {
    const { disk, data, members } = await hotDirectory(20);
    const from = disk.operations.length;
    for (let round = 0; round < 100; round++) {
      await writeAll(members, 300);
    }
    const writes = disk.operations.slice(from).filter((each) => each.kind === "write");
    expect(writes.filter(isSegment).length).toBeLessThan(20 * 20);
    expect(writes.filter(isSegment).length).toBeGreaterThanOrEqual(20);
    await data.close();
  });

  test("are read, alone and behind what is in the file", async () => {
    const { data, members } = await hotDirectory(8);
    for (let round = 0; round < 60; round++) {
      await writeAll(members, 300);
      for (const { log, maker } of round % 7 === 0 ? members : []) {
        const firstIndex = Math.max(1, maker.lastIndex - (round % 5) * 9);
        const batches = await log.read(firstIndex, maker.lastIndex, Infinity);
        const found = Buffer.concat(batches.map(({ bytes }) => bytes));
        expect(found.equals(Buffer.concat(maker.records.slice(firstIndex - 1)))).toBe(true);
      }
    }
    await data.close();
  });

  test.each([
    ["until it has space", true],
    ["and are found after a power cut", false],
  ])("stay there on a full disk, where writes are refused, %s", async (_what, isTakenAgain) => {
    const { disk, data, models, members } = await hotDirectory(8);
    disk.capacityBytes = disk.usedBytes + (40 << 10);
    const refused: (string | null)[] = [];
    for (let round = 0; round < 200 && refused.length < 40; round++) {
      const width = round % 3 === 0 ? 2 : 8; // Too few to share, in between.
      for (const each of members.slice(0, width).map((member) => tryWrite(member, 700))) {
        const code = await each;
        if (code !== null) {
          refused.push(code);
        }
      }
    }
    expect(new Set(refused)).toEqual(new Set(["DT_LOG_NO_SPACE"]));
    disk.capacityBytes = Infinity;
    if (isTakenAgain) {
      await writeAll(members, 700);
      await writeAll(members, 700);
      await data.close();
      expect(disk.paths().filter((path) => isJournal({ path }))).toEqual([]);
    }
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    expect(after.data.recovered === null).toBe(isTakenAgain);
    await after.data.close();
  });

  test.each(["write", "crash", "close"])(
    "stay there when a log that goes on alone finds no space for them, until the next %s",
    async (then) => {
      const { disk, data, models, members } = await hotDirectory(8);
      await writeAll(members, 700);
      // The frame that is erased is there already.
      disk.fault = (operation) =>
        operation.kind === "write" && isSegment(operation) && operation.bytes > FRAME_BYTES
          ? { error: "ENOSPC", afterBytes: operation.bytes - 100 }
          : null;
      const [alone] = members;
      expect(await tryWrite(alone as Member, 700)).toBe("DT_LOG_NO_SPACE");
      expect(await tryWrite(alone as Member, 600)).toBe("DT_LOG_NO_SPACE");
      disk.fault = () => null;
      if (then === "write") {
        await writeAll(members, 700);
      }
      if (then !== "crash") {
        await data.close();
      }
      await (await reopened(disk.crash(EVERYTHING_SURVIVES), models)).data.close();
    },
  );

  test("stay in the journal where their segment cannot be written; its log takes nothing more", async () => {
    const { disk, data, models, members } = await hotDirectory(8);
    disk.fault = (operation) =>
      operation.kind === "write" && operation.path.startsWith("/data/2/log")
        ? { error: "EIO", afterBytes: 100 }
        : null;
    const codes = new Set<string | null>();
    for (let round = 0; round < 100 && codes.size < 2; round++) {
      for (const each of members.map((member) => tryWrite(member, 700))) {
        codes.add(await each);
      }
    }
    expect(codes).toEqual(new Set([null, "DT_LOG_POISONED"]));
    await data.close();
    expect(disk.openFiles).toBe(0);
    disk.fault = () => null;
    const { data: after } = await reopened(disk.crash(NOTHING_SURVIVES), models);
    await after.close();
  });

  /** The code of what a write was refused with. Without space it was certainly not stored. */
  async function tryWrite({ log, maker, model }: Member, bytes: number): Promise<string | null> {
    const write = maker.write(maker.filled(1, 1, bytes));
    try {
      await model.write(log, write);
      return null;
    } catch (error) {
      maker.cutFrom(maker.lastIndex);
      const code = error instanceof LogError ? error.code : String(error);
      if (code === "DT_LOG_NO_SPACE") {
        model.adopt(model.acked);
      }
      return code;
    }
  }
});

describe("a power cut", () => {
  test("right after the acknowledgements loses none, where nothing survives that was not synced", async () => {
    const { disk, models, members } = await hotDirectory(10);
    await writeAll(members, 300);
    const { data } = await reopened(disk.crash(NOTHING_SURVIVES), models);
    expect(data.recovered?.copied).toBeGreaterThanOrEqual(10);
    expect(data.recovered?.damagedGroups).toEqual([]);
    await data.close();
  });

  test("after a clean close loses none, and no journal is left", async () => {
    const { disk, data, models, members } = await hotDirectory(10);
    await writeAll(members, 300);
    await data.close();
    expect(disk.openFiles).toBe(0);
    expect(disk.paths().filter((path) => isJournal({ path }))).toEqual([]);
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    expect(after.data.recovered).toBeNull();
    await after.data.close();
  });

  /** Writes through the ends of segments and of the journal's files. */
  async function life(disk: FaultyDisk, models: readonly LogModel[]): Promise<void> {
    const data = await openOn(disk, JOURNAL);
    const members = await openMembers(data, models);
    for (let round = 0; round < 8; round++) {
      await writeAll(members, 150 + round * 300);
      await Promise.all([writeAll(members, 10), writeAll(members, 700, 2)]);
    }
    await data.close();
  }

  async function sweep(choices: (moment: number) => CrashChoices, step: number): Promise<void> {
    const newModels = (): LogModel[] => Array.from({ length: 4 }, () => new LogModel());
    const whole = new FaultyDisk();
    await life(whole, newModels());
    expect(
      whole.operations.filter((each) => each.kind === "sync" && isJournal(each)).length,
    ).toBeGreaterThan(8);
    for (let moment = step; moment < whole.operations.length; moment += 17) {
      const disk = new FaultyDisk();
      const models = newModels();
      cutAt(disk, moment, moment % 2 === 0 ? 1000 : Infinity);
      await Promise.race([life(disk, models), disk.whenOff]);
      const crashed = disk.crash(choices(moment));
      try {
        // A second one in the middle of the recovery, then one that ends.
        cutAt(crashed, moment % 23, Infinity);
        await Promise.race([openOn(crashed, JOURNAL), crashed.whenOff]);
        const { data, members } = await reopened(crashed.crash(choices(~moment)), models, JOURNAL);
        await writeAll(members, 100);
        await data.close();
      } catch (error) {
        throw new Error(`power cut at operation ${moment}`, { cause: error });
      }
    }
  }

  test("at any moment, where nothing survives that was not synced", () =>
    sweep(() => NOTHING_SURVIVES, 0));
  test("at any moment, where everything survives that was written", () =>
    sweep(() => EVERYTHING_SURVIVES, 5));
  test.each([10, 15])("at any moment, where anything survives, draw %i", (draw) =>
    sweep((moment) => randomCrash(new SimRandom(draw * 100_000 + moment)), draw),
  );
});

describe("G4 damage to the journal", () => {
  /** A directory after a power cut with flushes in the journal only: of three rounds, ten groups. */
  async function crashed(choices: CrashChoices = NOTHING_SURVIVES, thenBytes = 0) {
    const { disk, data, models, members } = await hotDirectory(10);
    const marker = Buffer.alloc(64, 0);
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        members.map(({ log, maker, model }, i) => {
          marker.fill(0xa0 + i);
          const payload = Buffer.concat([marker, Buffer.from([round])]);
          return model.write(log, maker.write(maker.entries(1, [payload])));
        }),
      );
    }
    for (let round = 0; thenBytes > 0 && round < 3; round++) {
      // More than is kept in memory: what came before is written to the segments.
      await writeAll(members, thenBytes);
    }
    expect(data.sharedSyncs.syncs).toBeGreaterThan(3);
    return { disk: disk.crash(choices), models };
  }

  /** Changes the first payload of group 4. */
  function damageGroup4(content: Buffer): void {
    content.writeUInt8(0, content.indexOf(Buffer.alloc(64, 0xa3)) + 5);
  }

  /** Changes every payload of group 4: nothing behind the first of them shows that it was there. */
  function damageAllOfGroup4(content: Buffer): void {
    const payload = Buffer.alloc(64, 0xa3);
    for (let at = content.indexOf(payload); at >= 0; at = content.indexOf(payload, at)) {
      content.writeUInt8(0, at + 5);
    }
  }

  test.each([
    ["in the middle", damageGroup4],
    ["up to the end", damageAllOfGroup4],
  ])("to the bytes of one group %s damages that group, and no other", async (_where, damage) => {
    const { disk, models } = await crashed();
    disk.damage("/data/journal-0", damage);
    const untouched = models.filter((_, i) => i !== 3);
    const acknowledged = models[3]?.acked.records.length ?? 0;
    for (let round = 0; round < 2; round++) {
      const data = await openOn(disk, ROOMY);
      expect(data.recovered?.damagedGroups ?? [4]).toEqual([4]);
      const found = await data.log(4, SMALL).open();
      const [damaged] = found.damaged ?? [];
      expect(damaged?.file).toContain("/data/4/log/");
      expect(damaged?.firstIndex).toBeGreaterThan(1);
      expect(damaged?.lastIndex).toBeLessThanOrEqual(acknowledged);
      for (const [i, model] of untouched.entries()) {
        const log = data.log(i < 3 ? i + 1 : i + 2, SMALL);
        await model.check(log, await log.open());
      }
      await data.close();
    }
  });

  test("is no damage where the segment has the bytes itself", async () => {
    const { disk, models } = await crashed(EVERYTHING_SURVIVES, 9000);
    disk.damage("/data/journal-0", damageGroup4);
    const { data } = await reopened(disk, models);
    expect(data.recovered?.damagedGroups).toEqual([]);
    await data.close();
  });

  test("to the head of a frame is made good from its copy", async () => {
    const { disk, models } = await crashed();
    disk.damage("/data/journal-0", (content) => content.fill(0, 4096, 4096 + 100));
    const { data } = await reopened(disk, models);
    await data.close();
  });

  test("to both heads of a frame refuses the directory and changes nothing", async () => {
    const { disk } = await crashed();
    disk.damage("/data/journal-0", (content) => {
      content.fill(0, 4096, 4096 + 100);
      // The frame ends where the next one's marker stands.
      const next = content.indexOf(content.subarray(0, 0), 8192);
      content.fill(0, Math.max(next, 8192) - 16, Math.max(next, 8192));
    });
    const before = disk.paths().map((path) => path);
    await expect(openOn(disk, ROOMY)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
      fault: { file: "/data/journal-0", offset: 4096 },
    });
    expect(disk.paths()).toEqual(before);
    expect(disk.openFiles).toBe(0);
  });
});

test("a segment that cannot be synced afterwards stops its log; the journal keeps what it acknowledged", async () => {
  const { disk, data, models, members } = await hotDirectory(8, JOURNAL);
  disk.fault = ({ kind, path }) =>
    kind === "sync" && path.startsWith("/data/2/log") ? { error: "EIO", forgets: true } : null;
  let refused = 0;
  for (let round = 0; round < 40 && refused === 0; round++) {
    const codes = await codesOf(members);
    refused = codes.filter((code) => code === "DT_LOG_POISONED").length;
    for (const [i, { model, maker }] of members.entries()) {
      if (codes[i] === null) {
        model.adopt({ ...model.acked, hardState: HARD_STATE, records: [...maker.records] });
      } else {
        maker.cutFrom(maker.lastIndex);
      }
    }
  }
  expect(refused).toBe(1);
  await data.close().catch(() => {});
  const crashed = disk.crash(NOTHING_SURVIVES);
  const after = await openOn(crashed, JOURNAL);
  for (const [i, model] of models.entries()) {
    const log = after.log(i + 1, SMALL);
    const { lastIndex } = await log.open();
    expect(lastIndex).toBeGreaterThanOrEqual(model.acked.records.length);
  }
  await after.close();
});
