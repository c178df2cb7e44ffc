import { describe, expect, test } from "vitest";
import { FaultyDisk, NOTHING_SURVIVES, type Operation } from "../src/testing/index.ts";
import {
  codesOf,
  hotDirectory,
  isJournal,
  openMembers,
  openOn,
  reopened,
  ROOMY,
  writeAll,
} from "./hot-directory.ts";
import { LogModel } from "./log-model.ts";

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
    // Each log fills its segments ahead again, as where there never was a journal.
    const from = disk.operations.length;
    for (let round = 0; round < 30; round++) {
      await writeAll(members, 700);
    }
    const isFill = (each: Operation): boolean => each.kind === "write" && each.bytes === 16 << 10;
    expect(disk.operations.slice(from).filter(isFill).length).toBeGreaterThanOrEqual(8);
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    await after.data.close();
  });
});
