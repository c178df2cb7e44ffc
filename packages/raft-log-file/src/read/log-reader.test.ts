import { describe, expect, test } from "vitest";
import { LOCATION, logOn, newDisk, openOn, SMALL } from "../../test/disk-log.ts";
import { EntryMaker, recordsOf, store } from "../../test/entry-maker.ts";
import { FileLog } from "../file-log.ts";
import type { FileSystem } from "../file-system.ts";
import { FileCache } from "./file-cache.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };

describe("reads", () => {
  test("give what is asked for, wherever segments, flushes and terms begin", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    for (let i = 0; i < 40; i++) {
      const term = 1 + Math.floor(i / 9);
      const batches = maker.filled(term, 1 + (i % 3), (i * 331) % 2500);
      await store(log, maker.write(batches, 0, { term, vote: 0, commitIndex: 0 }));
    }
    for (let first = 1; first <= maker.lastIndex; first++) {
      for (const [length, maxBytes] of [
        [1, 0],
        [7, 1 << 20],
        [50, 5000],
        [50, 1 << 20],
      ] as const) {
        const last = Math.min(maker.lastIndex, first + length - 1);
        const found = (await log.read(first, last, maxBytes)).flatMap(recordsOf);
        const bytes = found.reduce((sum, record) => sum + record.length, 0);
        expect(found).toEqual(maker.records.slice(first - 1, first - 1 + found.length));
        expect(bytes <= maxBytes || found.length === 1).toBe(true);
        const next = maker.records[first - 1 + found.length];
        const isEnough =
          first + found.length - 1 === last || bytes + (next?.length ?? 0) > maxBytes;
        expect(isEnough).toBe(true);
      }
    }
    await log.close();
  });

  test("share a bounded number of open files, and none is open after close", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const log = logOn(disk, { segmentBytes: 8192, readerFiles: 3 });
    await log.open();
    for (let i = 0; i < 20; i++) {
      await store(log, maker.write(maker.filled(1, 1, 3000), 0, HARD_STATE));
    }
    const segments = disk.paths().filter((path) => path.endsWith(".log"));
    expect(segments.length).toBeGreaterThan(8);
    const before = disk.openFiles;
    for (let round = 0; round < 3; round++) {
      for (let index = 1; index <= 20; index++) {
        await log.read(index, index, 1);
        expect(disk.openFiles).toBeLessThanOrEqual(before + 3);
      }
    }
    await log.close();
    expect(disk.openFiles).toBe(0);
  });

  test("of entries that a truncation takes away meanwhile do not fail as damage", async () => {
    const disk = newDisk();
    const gate = Promise.withResolvers<void>();
    let isSlow = false;
    // A system that takes its time to open files for readers.
    const slow: FileSystem = {
      open: async (path, mode) => {
        if (isSlow && mode === "read") {
          await gate.promise;
        }
        return disk.open(path, mode);
      },
      makeDirectory: (path) => disk.makeDirectory(path),
      list: (path) => disk.list(path),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      removeDirectory: (path) => disk.removeDirectory(path),
      syncDirectory: (path) => disk.syncDirectory(path),
    };
    const maker = new EntryMaker();
    const log = new FileLog(LOCATION, SMALL, slow);
    await log.open();
    for (let i = 0; i < 8; i++) {
      await store(log, maker.write(maker.filled(1, 1, 3000), 0, HARD_STATE));
    }
    await log.read(1, 1, 1);
    isSlow = true;
    const outcomes = [6, 7, 8].map((index) =>
      log.read(index, index, 1).then(
        () => "read",
        (error: { code: string }) => error.code,
      ),
    );
    await store(log, maker.write([], maker.cutFrom(2)));
    gate.resolve();
    expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => "DT_LOG_NOT_FOUND"));
    await log.close();
  });
});

describe("the file cache", () => {
  test("keeps a file open for those who use it, also when it is dropped", async () => {
    const disk = newDisk();
    disk.plant("/a", Buffer.from("aaaa"));
    const cache = new FileCache(disk, 2);
    await cache.with("/a", async (file) => {
      cache.drop("/a");
      disk.plant("/a", Buffer.from("other"));
      expect(await file.size()).toBe(4);
      await cache.with("/a", async (again) => {
        expect(await again.size()).toBe(5);
      });
    });
    await cache.close();
    expect(disk.openFiles).toBe(0);
  });

  test("opens one file for many users at once, and tries again after a failure", async () => {
    const disk = newDisk();
    const cache = new FileCache(disk, 2);
    const missing = cache.with("/b", () => Promise.resolve());
    await expect(missing).rejects.toMatchObject({ code: "ENOENT" });
    disk.plant("/b", Buffer.from("b"));
    await Promise.all(
      Array.from({ length: 10 }, () => cache.with("/b", async (file) => void (await file.size()))),
    );
    expect(disk.openFiles).toBe(1);
    await cache.close();
    expect(disk.openFiles).toBe(0);
  });
});
