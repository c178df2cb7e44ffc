import { describe, expect, test } from "vitest";
import { EntryMaker, store } from "../../test/entry-maker.ts";
import { FaultyDisk } from "../testing/index.ts";
import { FileLog } from "../file-log.ts";
import type { FileSystem } from "../file-system.ts";
import { inspectLog } from "./inspect-log.ts";
import { verifyLogs } from "./verify-logs.ts";

const NODES = ["/a", "/b", "/c"];

/** Three nodes' directories on one disk, each with the logs of groups 3 and 11. */
async function cluster(): Promise<{ disk: FaultyDisk; makers: Map<string, EntryMaker> }> {
  const disk = new FaultyDisk();
  const makers = new Map<string, EntryMaker>();
  for (const [i, node] of NODES.entries()) {
    await disk.makeDirectory(node);
    for (const groupId of [3, 11]) {
      const maker = new EntryMaker();
      const log = openAt(disk, node, groupId);
      await log.open();
      const hardState = { term: 1, vote: 1, commitIndex: 4 };
      // Flushes of another size on every node: what is compared are the records.
      for (let index = 0; index < 12; index += i + 1) {
        await store(log, maker.write(maker.filled(1, i + 1, 3000), 0, hardState));
      }
      await log.close();
      makers.set(`${node}/${groupId}`, maker);
    }
  }
  return { disk, makers };
}

function openAt(disk: FaultyDisk, node: string, groupId: number): FileLog {
  const storeId = Buffer.alloc(16, node);
  return new FileLog(
    { directory: `${node}/${groupId}`, groupId, storeId },
    { segmentBytes: 16 << 10 },
    disk,
  );
}

async function append(
  disk: FaultyDisk,
  node: string,
  maker: EntryMaker,
  term: number,
  bytes: number,
): Promise<void> {
  const log = openAt(disk, node, 3);
  await log.open();
  const hardState = { term, vote: 1, commitIndex: 4 };
  await store(log, maker.write(maker.filled(term, 2, bytes), 0, hardState));
  await log.close();
}

describe("verifyLogs", () => {
  test("finds equal logs equal, group by group", async () => {
    const { disk } = await cluster();
    const found = await verifyLogs(NODES, disk);
    expect(found.map((each) => each.groupId)).toEqual([3, 11]);
    for (const each of found) {
      expect(each).toMatchObject({ equalEntries: 12, equalTo: 12, difference: null });
      expect(
        each.copies.map((copy) => [copy.firstIndex, copy.lastIndex, copy.commitIndex]),
      ).toEqual(NODES.map(() => [1, 12, 4]));
    }
    expect(disk.openFiles).toBe(0);
  });

  test("compares as far as the shortest copy goes", async () => {
    const { disk, makers } = await cluster();
    await append(disk, "/b", makers.get("/b/3") as EntryMaker, 2, 100);
    const [found] = await verifyLogs(NODES, disk);
    expect(found).toMatchObject({ equalEntries: 12, equalTo: 12, difference: null });
    expect(found?.copies.map((copy) => copy.lastIndex)).toEqual([12, 14, 12]);
  });

  test("tells entries of different leaders from different bytes of one", async () => {
    const { disk, makers } = await cluster();
    await append(disk, "/a", makers.get("/a/3") as EntryMaker, 2, 100);
    await append(disk, "/b", makers.get("/b/3") as EntryMaker, 3, 100);
    await append(disk, "/c", makers.get("/c/3") as EntryMaker, 3, 100);
    const [terms] = await verifyLogs(NODES, disk);
    expect(terms?.difference).toMatchObject({ index: 13, kind: "term", isCommitted: false });
    expect(terms?.difference?.records.map((record) => record.term)).toEqual([2, 3, 3]);
    const [content] = await verifyLogs(["/b", "/c"], disk);
    expect(content?.difference).toBeNull();
  });

  test("names the first index with other bytes", async () => {
    const disk = new FaultyDisk();
    for (const [node, bytes] of [
      ["/a", 10],
      ["/b", 11],
    ] as const) {
      await disk.makeDirectory(node);
      const maker = new EntryMaker();
      const log = openAt(disk, node, 1);
      await log.open();
      const hardState = { term: 1, vote: 1, commitIndex: 2 };
      await store(log, maker.write(maker.filled(1, 1, 5), 0, hardState));
      await store(log, maker.write(maker.filled(1, 2, bytes)));
      await log.close();
    }
    const [found] = await verifyLogs(["/a", "/b"], disk);
    expect(found?.difference).toMatchObject({ index: 2, kind: "content", isCommitted: true });
    expect(found?.difference?.records.map((record) => record.payloadBytes)).toEqual([10, 11]);
    expect(found?.equalTo).toBe(1);
  });

  test("says where a damaged copy ends, and compares the others further", async () => {
    const { disk } = await cluster();
    const [path = ""] = disk.paths().filter((each) => /^\/b\/3\/log\/.*log$/.test(each));
    disk.damage(path, (bytes) => {
      bytes[5000] = (bytes[5000] as number) ^ 1;
    });
    const [found] = await verifyLogs(NODES, disk);
    expect(found?.copies[1]?.damage).toMatchObject({
      code: "DT_LOG_CORRUPT",
      file: path,
      index: 1,
    });
    expect(found?.copies.map((copy) => copy.lastIndex)).toEqual([12, 0, 12]);
    expect(found).toMatchObject({ equalEntries: 12, equalTo: 12, difference: null });
  });

  test("reads a directory that its process appends to, and changes nothing", async () => {
    const { disk, makers } = await cluster();
    const maker = makers.get("/a/3") as EntryMaker;
    const log = openAt(disk, "/a", 3);
    await log.open();
    let isDone = false;
    const appending = (async () => {
      for (let i = 0; i < 200; i++) {
        await store(log, maker.write(maker.filled(1, 1, 400)));
      }
      isDone = true;
    })();
    let last = 12;
    while (!isDone) {
      const [found] = await verifyLogs(["/a", "/b"], disk);
      expect(found).toMatchObject({ equalTo: 12, difference: null });
      expect(found?.copies[0]?.damage).toBeNull();
      expect(found?.copies[0]?.lastIndex).toBeGreaterThanOrEqual(last);
      last = found?.copies[0]?.lastIndex ?? 0;
    }
    await appending;
    const writes = disk.operations.filter(({ kind }) => kind === "write").length;
    await verifyLogs(["/a", "/b"], disk);
    expect(disk.operations.filter(({ kind }) => kind === "write")).toHaveLength(writes);
    await log.close();
    expect(disk.openFiles).toBe(0);
  });

  test("a directory that is not there is an error of its own", async () => {
    const { disk } = await cluster();
    await expect(verifyLogs(["/a", "/nowhere"], disk)).rejects.toMatchObject({
      code: "DT_LOG_IO",
      fault: { file: "/nowhere" },
    });
  });
});

describe("inspectLog", () => {
  test("gives every record as it is stored", async () => {
    const { disk, makers } = await cluster();
    const maker = makers.get("/c/11") as EntryMaker;
    let index = 0;
    for await (const record of inspectLog("/c/11", disk)) {
      index++;
      expect(record).toMatchObject({ index, term: 1, type: 1, bizType: 1 });
      expect(record.timestampMs).toBe(1_700_000_000_000);
      expect(record.chain).toBe(maker.chainAt(index));
      expect(record.payload).toEqual(Buffer.alloc(3000, index));
      const stored = disk.contentOf(record.file);
      expect(stored.readUInt32BE(record.offset)).toBe(3040);
    }
    expect(index).toBe(12);
    expect(disk.openFiles).toBe(0);
  });

  test("ends with the damage, behind the last good record", async () => {
    const { disk } = await cluster();
    const paths = disk.paths().filter((each) => /^\/a\/3\/log\/.*log$/.test(each));
    disk.damage(paths[1] as string, (bytes) => {
      bytes[4096 + 40] = 0xff;
    });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { index } of inspectLog("/a/3", disk)) {
        seen.push(index);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "DT_LOG_CORRUPT" });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(12);
  });

  test("ends with the damage also when it is in the last segment", async () => {
    const { disk } = await cluster();
    const path = disk.paths().findLast((each) => /^\/a\/3\/log\/.*log$/.test(each)) ?? "";
    const before = await lastIndexOf(disk);
    const log = openAt(disk, "/a", 3);
    const { lastIndex, lastChain } = await log.open();
    const maker = new EntryMaker();
    for (let i = 0; i < 2; i++) {
      const [previous] = await log.read(lastIndex + i, lastIndex + i, 1);
      const chain = previous?.chain ?? lastChain;
      const batches = maker.entriesAfter(lastIndex + i, chain, 1, [Buffer.alloc(50)]);
      await store(log, maker.write(batches));
    }
    await log.close();
    expect(await lastIndexOf(disk)).toBe(before + 2);
    const content = disk.contentOf(path);
    const marker = Buffer.from("f1a54d7e", "hex");
    const last = content.lastIndexOf(marker);
    disk.damage(path, (bytes) => {
      bytes[last - 20] = 0xff;
    });
    await expect(lastIndexOf(disk)).rejects.toMatchObject({ code: "DT_LOG_CORRUPT" });
  });

  test("looks again where the log ended, when flushes came meanwhile", async () => {
    const disk = new FaultyDisk();
    await disk.makeDirectory("/a");
    const maker = new EntryMaker();
    const log = openAt(disk, "/a", 3);
    await log.open();
    const hardState = { term: 1, vote: 1, commitIndex: 0 };
    await store(log, maker.write(maker.filled(1, 1, 100), 0, hardState));
    const early = disk.clone();
    for (let i = 0; i < 3; i++) {
      await store(log, maker.write(maker.filled(1, 1, 100)));
    }
    await log.close();
    // The first look at the records sees the file as it was before the later flushes.
    let looks = 0;
    const moving: FileSystem = {
      open: async (path, mode) => {
        const [now, then] = await Promise.all([disk.open(path, mode), early.open(path, mode)]);
        return {
          read: (into, start, end, position, done) => {
            const file = position >= 4096 && looks++ === 0 ? then : now;
            file.read(into, start, end, position, done);
          },
          write: (from, start, end, position, done) => now.write(from, start, end, position, done),
          writev: (buffers, position, done) => now.writev(buffers, position, done),
          sync: (done) => now.sync(done),
          size: () => now.size(),
          fileNumber: () => now.fileNumber(),
          close: () => now.close(),
        };
      },
      makeDirectory: (path) => disk.makeDirectory(path),
      list: (path) => disk.list(path),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      removeDirectory: (path) => disk.removeDirectory(path),
      syncDirectory: (path) => disk.syncDirectory(path),
    };
    expect(await lastIndexOf(moving)).toBe(4);
    expect(looks).toBeGreaterThan(2);
  });

  test("a reader that stops early leaves no file open", async () => {
    const { disk } = await cluster();
    for await (const { index } of inspectLog("/a/3", disk)) {
      if (index === 2) {
        break;
      }
    }
    expect(disk.openFiles).toBe(0);
  });
});

async function lastIndexOf(fileSystem: FileSystem): Promise<number> {
  let last = 0;
  for await (const { index } of inspectLog("/a/3", fileSystem)) {
    last = index;
  }
  return last;
}
