import { runLogHeadConformance, runRaftLogConformance } from "@dt/raft/testing";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { logOn, newDisk, SMALL } from "../test/disk-log.ts";
import { EntryMaker, store } from "../test/entry-maker.ts";
import { FileLog } from "./file-log.ts";

describe.each([
  { segmentBytes: 128 << 10 },
  { segmentBytes: 1 << 20 },
  { segmentBytes: 128 << 10, durability: "os" as const },
])("on a disk in memory, %o", (options) => {
  runRaftLogConformance({ test }, async () => {
    const disk = newDisk();
    return { log: () => logOn(disk, options), dispose: async () => {} };
  });
});

describe.each([SMALL, { segmentBytes: 8 << 10, dropDelayMs: 0 }, {}])(
  "the head, on a disk in memory, %o",
  (options) => {
    runLogHeadConformance({ test }, async () => {
      const disk = newDisk();
      return { log: () => logOn(disk, options), dispose: async () => {} };
    });
  },
);

/** Files of a directory that this process has open. */
async function openFilesIn(directory: string): Promise<string[]> {
  const open: string[] = [];
  for (const name of await readdir("/proc/self/fd")) {
    const path = await readlink(`/proc/self/fd/${name}`).catch(() => ""); // The list's own descriptor.
    if (path.startsWith(directory)) {
      open.push(path);
    }
  }
  return open;
}

test.runIf(process.platform === "linux")("no file is open after close", async () => {
  const directory = await mkdtemp(join(tmpdir(), "file-log-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const maker = new EntryMaker();
  const location = { directory: join(directory, "1"), groupId: 1, storeId: Buffer.alloc(16, 1) };
  const log = new FileLog(location, { segmentBytes: 16 << 10 });
  await log.open();
  for (let i = 0; i < 20; i++) {
    const hardState = { term: 1, vote: 1, commitIndex: 0 };
    await store(log, maker.write(maker.filled(1, 2, 1000), 0, hardState));
    await log.read(1, 1, 1);
  }
  expect((await openFilesIn(directory)).length).toBeGreaterThan(2);
  const closing = log.close();
  await log.close();
  await closing;
  expect(await openFilesIn(directory)).toEqual([]);
});

describe("on the file system of this machine", () => {
  runRaftLogConformance({ test }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "file-log-"));
    const location = { directory, groupId: 1, storeId: Buffer.alloc(16, 1) };
    return {
      log: () => new FileLog(location, { segmentBytes: 1 << 20 }),
      dispose: () => rm(directory, { recursive: true }),
    };
  });
});

test("B10 close ends whatever is under way, at any moment, and what was acknowledged is there", async () => {
  for (let turns = 0; turns < 420; turns += 3) {
    const disk = newDisk();
    const options = { segmentBytes: 16 << 10, dropDelayMs: 0 };
    const log = logOn(disk, options);
    const maker = new EntryMaker();
    let acked = 0;
    const work = (async () => {
      await log.open();
      const hardState = { term: 1, vote: 1, commitIndex: 0 };
      for (let i = 1; i <= 12; i++) {
        await store(log, maker.write(maker.filled(1, 1, 4000), 0, i === 1 ? hardState : null));
        acked = i;
        log.dropHead(i - 4);
      }
    })().catch((error: unknown) => error);
    for (let turn = 0; turn < turns; turn++) {
      await Promise.resolve();
    }
    await log.close();
    await work;
    expect(disk.openFiles).toBe(0);
    const again = logOn(disk, options);
    expect((await again.open()).lastIndex).toBeGreaterThanOrEqual(acked);
    await again.close();
  }
});
