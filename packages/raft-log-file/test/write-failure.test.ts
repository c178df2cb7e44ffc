import { describe, expect, test } from "vitest";
import { newDisk, openOn, STATUS_PATH } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { codesOf, failOnce, fixture, HARD_STATE, isLogFile } from "./faulty-log.ts";
import { NOTHING_SURVIVES } from "../src/testing/index.ts";

describe("a sync that fails", () => {
  test("D13 poisons the log: that write and all later ones fail with the same error", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "EIO", (operation) => operation.kind === "sync" && isLogFile(operation));
    const errors: (Error | null)[] = [];
    const writes = [1, 2, 3].map(() => maker.write(maker.filled(1, 1, 100)));
    for (const write of writes) {
      log.write(write, (error) => errors.push(error));
    }
    await expect(store(log, maker.write([]))).rejects.toMatchObject({
      code: "DT_LOG_POISONED",
      cause: { code: "EIO" },
    });
    await expect(store(log, maker.write([]))).rejects.toBe(errors[0]);
    expect(new Set(errors)).toEqual(new Set([errors[0]]));
    expect(errors).toHaveLength(3);
    await log.close();
    expect(disk.openFiles).toBe(0);
  });

  test("D13 is never repeated: no sync of that file follows it", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "EIO", (operation) => operation.kind === "sync" && isLogFile(operation));
    const from = disk.operations.length;
    await expect(store(log, maker.write(maker.filled(1, 1, 100)))).rejects.toMatchObject({
      code: "DT_LOG_POISONED",
    });
    await log.close();
    const later = disk.operations.slice(from).filter(isLogFile);
    const syncs = later.filter(({ kind }) => kind === "sync");
    expect(syncs).toHaveLength(1);
  });

  test("D13 what the cache shows of it after a restart is written again before it counts", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "EIO", (operation) => operation.kind === "sync" && isLogFile(operation));
    await expect(store(log, maker.write(maker.filled(1, 1, 300)))).rejects.toMatchObject({
      code: "DT_LOG_POISONED",
    });
    const restarted = disk.afterKill();
    // The system has given the pages up: they are clean in its cache, and not on the disk.
    restarted.forgetDirtySectors();
    const { state } = await openOn(restarted);
    const after = await openOn(restarted.crash(NOTHING_SURVIVES));
    expect(after.state.lastIndex).toBe(state.lastIndex);
    expect(await readRecords(after.log, state.lastIndex)).toEqual(
      maker.records.slice(0, state.lastIndex),
    );
  });

  test("of the status poisons the log too, and the write is not acknowledged", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "EIO", ({ kind, path }) => kind === "sync" && path.startsWith(STATUS_PATH));
    const hardState = { term: 2, vote: 3, commitIndex: 0 };
    const writes = [maker.write([], 0, hardState), maker.write(maker.filled(2, 1, 10))];
    expect(await codesOf(log, writes)).toEqual(["DT_LOG_POISONED", "DT_LOG_POISONED"]);
    await log.close();
  });

  test("of zeros ahead of use poisons the log", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    failOnce(
      disk,
      "EIO",
      ({ kind, path }) => kind === "sync" && path.endsWith("next.tmp") && maker.lastIndex > 0,
    );
    const { log } = await openOn(disk);
    await expect(
      (async () => {
        for (let i = 0; i < 20; i++) {
          await store(log, maker.write(maker.filled(1, 1, 3000), 0, HARD_STATE));
        }
      })(),
    ).rejects.toMatchObject({ code: "DT_LOG_POISONED" });
    await log.close();
    expect(disk.openFiles).toBe(0);
  });
});

test.each([
  ["made", 1],
  ["opened for its zeros", 2],
  ["opened for its flushes", 3],
])("a segment that cannot be %s ahead of its use stops nothing", async (_what, number) => {
  const { disk, maker, log } = await fixture();
  let opens = 0;
  disk.fault = ({ kind, path }) =>
    kind === "open" && path.endsWith("next.tmp") && ++opens === number ? { error: "EMFILE" } : null;
  for (let i = 0; i < 40; i++) {
    await store(log, maker.write(maker.filled(1, 1, 1000)));
    await new Promise(setImmediate);
  }
  expect(opens).toBeGreaterThan(number);
  expect(await readRecords(log, maker.lastIndex)).toEqual(maker.records);
  await log.close();
  expect(disk.openFiles).toBe(0);
});

describe("a write that fails", () => {
  test("with anything but lack of space poisons the log", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "EIO", (operation) => operation.kind === "write" && isLogFile(operation));
    const writes = [1, 2].map(() => maker.write(maker.filled(1, 1, 100)));
    expect(await codesOf(log, writes)).toEqual(["DT_LOG_POISONED", "DT_LOG_POISONED"]);
    await log.close();
  });

  test("D16 a short write goes on until everything is there", async () => {
    const { disk, maker, log } = await fixture();
    disk.fault = ({ kind, bytes }) => (kind === "write" && bytes > 100 ? { shortTo: 100 } : null);
    await store(log, maker.write(maker.filled(1, 5, 777)));
    await store(log, maker.write(maker.filled(1, 1, 10), 0, { ...HARD_STATE, vote: 4 }));
    disk.fault = () => null;
    const { log: found, state } = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(state.hardState.vote).toBe(4);
    expect(await readRecords(found, state.lastIndex)).toEqual(maker.records);
  });

  test("D16 a large flush of several buffers that is written in pieces is whole", async () => {
    const options = { segmentBytes: 4 << 20 };
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk, options);
    disk.fault = ({ kind, bytes }) =>
      kind === "write" && bytes > 99_999 ? { shortTo: 99_999 } : null;
    const large = [1, 2, 3].map((i) => maker.write(maker.filled(1, 40, 5000 + i), 0, HARD_STATE));
    await Promise.all(large.map((write) => store(log, write)));
    const { log: found, state } = await openOn(disk.crash(NOTHING_SURVIVES), options);
    expect(await readRecords(found, state.lastIndex)).toEqual(maker.records);
  });
});
