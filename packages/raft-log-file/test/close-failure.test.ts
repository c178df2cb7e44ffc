import { describe, expect, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { LogError } from "../src/log-error.ts";
import { newDisk, openOn, SMALL } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { codesOf, fixture, HARD_STATE } from "./faulty-log.ts";

describe("a log that is closed", () => {
  test("where nothing can be changed any more, lets go of every file, and its entries are found again", async () => {
    const { disk, maker, log } = await fixture();
    await store(log, maker.write(maker.filled(1, 3, 1500)));
    disk.fault = ({ kind }) =>
      ["write", "remove", "rename"].includes(kind) ? { error: "EROFS" } : null;
    expect(await codesOf(log, [maker.write(maker.filled(1, 1, 500))])).toEqual(["DT_LOG_POISONED"]);
    await log.close();
    expect(disk.openFiles).toBe(0);
    disk.fault = () => null;
    const again = await openOn(disk);
    expect(await readRecords(again.log, 5)).toEqual(maker.records.slice(0, 5));
    await again.log.close();
  });

  test("lets go of all files where closing one fails, and says so", async () => {
    const { disk, maker, log } = await fixture();
    await store(log, maker.write(maker.filled(1, 3, 1500)));
    disk.fault = ({ kind, path }) =>
      kind === "close" && path.endsWith(".log") ? { error: "EIO" } : null;
    await expect(log.close()).rejects.toMatchObject({ code: "EIO" });
    expect(log.isClosed).toBe(true);
    expect(disk.openFiles).toBe(0);
  });

  test("while it is read ends the read, and leaves no file open", async () => {
    const { disk, maker, log } = await fixture();
    for (let i = 0; i < 100; i++) {
      await store(log, maker.write(maker.filled(1, 1, 3500)));
    }
    const reading = log.read(1, maker.lastIndex, Infinity);
    const ended = reading.then(
      () => "read",
      (error: unknown) => (error instanceof LogError ? error.code : String(error)),
    );
    await log.close();
    expect(disk.openFiles).toBe(0);
    expect(await ended).toBe("DT_LOG_CLOSED");
    expect(disk.openFiles).toBe(0);
  });
});

test("a segment with a successor that cannot be closed fails no write", async () => {
  const { disk, maker, log } = await fixture();
  disk.fault = ({ kind, path }) =>
    kind === "close" && path.endsWith(".log") ? { error: "EIO" } : null;
  for (let i = 0; i < 12; i++) {
    await store(log, maker.write(maker.filled(1, 1, 3500)));
    await new Promise(setImmediate);
  }
  disk.fault = () => null;
  expect(await readRecords(log, maker.lastIndex)).toEqual(maker.records);
  await log.close();
  expect(disk.openFiles).toBe(0);
});

test("a data directory is let go when the last of its logs is closed, although another fails", async () => {
  const disk = newDisk();
  let isReleased = false;
  let late = 0;
  const data = await DataDirectory.open(
    { path: "/data", clusterId: "c", nodeId: 1 },
    {
      fileSystem: disk,
      lock: () =>
        Promise.resolve({
          release: () => {
            isReleased = true;
            return Promise.resolve();
          },
        }),
    },
  );
  for (const groupId of [1, 2]) {
    const log = data.log(groupId, SMALL);
    const maker = new EntryMaker();
    await log.open();
    await store(log, maker.write(maker.filled(1, 5, 1500), 0, HARD_STATE));
  }
  disk.fault = ({ kind, path }) => {
    late += isReleased ? 1 : 0;
    return kind === "close" && path.startsWith("/data/1/") ? { error: "EIO" } : null;
  };
  await expect(data.close()).rejects.toMatchObject({ code: "EIO" });
  expect(isReleased).toBe(true);
  for (let turn = 0; turn < 20; turn++) {
    await new Promise(setImmediate);
  }
  expect(late).toBe(0);
  expect(disk.openFiles).toBe(0);
});
