import { describe, expect, test } from "vitest";
import { FRAME_BYTES } from "../src/format/flush-frame.ts";
import { LogError } from "../src/log-error.ts";
import { EVERYTHING_SURVIVES, NOTHING_SURVIVES } from "../src/testing/index.ts";
import { SMALL } from "./disk-log.ts";
import {
  codesOf,
  HARD_STATE,
  hotDirectory,
  isJournal,
  JOURNAL,
  type Member,
  openOn,
  reopened,
  writeAll,
} from "./hot-directory.ts";

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
