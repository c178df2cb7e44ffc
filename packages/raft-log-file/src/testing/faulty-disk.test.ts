import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import type { StoredFile } from "../file-system.ts";
import { readInto, syncFile, writeFrom } from "../file-io.ts";
import { EVERYTHING_SURVIVES, NOTHING_SURVIVES, randomCrash } from "./crash-choices.ts";
import { SECTOR_BYTES } from "./disk-inode.ts";
import type { Operation } from "./disk-operation.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { randomDelays, randomFaults } from "./random-faults.ts";

const PATH = "/file";

async function diskWithFile(content: string): Promise<{ disk: FaultyDisk; file: StoredFile }> {
  const disk = new FaultyDisk();
  const file = await disk.open(PATH, "create");
  await writeFrom(file, Buffer.from(content), 0, content.length, 0);
  await syncFile(file);
  await disk.syncDirectory("/");
  return { disk, file };
}

function write(file: StoredFile, content: string, position: number): Promise<void> {
  return writeFrom(file, Buffer.from(content), 0, content.length, position);
}

const contentOf = (disk: FaultyDisk): string => disk.contentOf(PATH).toString();

describe("a power cut", () => {
  test("takes what was not synced, and leaves what was", async () => {
    const { disk, file } = await diskWithFile("old");
    await write(file, "new", 0);
    expect(contentOf(disk)).toBe("new");
    expect(contentOf(disk.crash(NOTHING_SURVIVES))).toBe("old");
    expect(contentOf(disk.crash(EVERYTHING_SURVIVES))).toBe("new");
  });

  test("leaves what a durable write wrote, and nothing else of its file", async () => {
    const { disk, file } = await diskWithFile("a".repeat(3 * 4096));
    await write(file, "b", 0);
    const durable = await disk.open(PATH, "durable");
    await write(durable, "c", 2 * 4096);
    const after = contentOf(disk.crash(NOTHING_SURVIVES));
    expect([after[0], after[2 * 4096]]).toEqual(["a", "c"]);
  });

  test("leaves any subset of the sectors that were not synced", async () => {
    const { disk, file } = await diskWithFile("a".repeat(4 * SECTOR_BYTES));
    await write(file, "b".repeat(4 * SECTOR_BYTES), 0);
    const crashed = disk.crash({ ...NOTHING_SURVIVES, sectors: (sector) => sector % 2 === 1 });
    const sectors = [0, 1, 2, 3].map((sector) => contentOf(crashed)[sector * SECTOR_BYTES]);
    expect(sectors).toEqual(["a", "b", "a", "b"]);
  });

  test("leaves any content that a sector had since its last sync", async () => {
    const { disk, file } = await diskWithFile("old");
    await write(file, "one", 0);
    await write(file, "two", 0);
    const found = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      found.add(contentOf(disk.crash(randomCrash(new SimRandom(seed)))));
    }
    expect(found).toEqual(new Set(["old", "one", "two"]));
  });

  test("does not take for synced what was written after the sync began", async () => {
    const { disk, file } = await diskWithFile("old");
    await write(file, "one", 0);
    const synced = syncFile(file);
    const written = write(file, "two", 0);
    await Promise.all([synced, written]);
    expect(contentOf(disk.crash(NOTHING_SURVIVES))).toBe("one");
  });

  test("takes names that were not synced, of files and of directories", async () => {
    const { disk } = await diskWithFile("old");
    await disk.makeDirectory("/made");
    await disk.rename(PATH, "/renamed");
    expect(disk.crash(NOTHING_SURVIVES).paths()).toEqual(["/", PATH]);
    expect(disk.crash({ ...NOTHING_SURVIVES, names: () => 1 }).paths()).toEqual([
      "/",
      PATH,
      "/made",
    ]);
    expect(disk.crash(EVERYTHING_SURVIVES).paths()).toEqual(["/", "/made", "/renamed"]);
  });

  test("at a renamed directory leaves of its content what was synced inside of it", async () => {
    const disk = new FaultyDisk();
    await disk.makeDirectory("/a.tmp");
    await (await disk.open("/a.tmp/synced", "create")).close();
    await disk.syncDirectory("/a.tmp");
    await (await disk.open("/a.tmp/loose", "create")).close();
    await disk.rename("/a.tmp", "/a");
    await disk.syncDirectory("/");
    expect(disk.crash(NOTHING_SURVIVES).paths()).toEqual(["/", "/a", "/a/synced"]);
  });

  test("stops everything that is under way for good", async () => {
    const { disk, file } = await diskWithFile("old");
    let isReported = false;
    file.write(Buffer.from("new"), 0, 3, 0, () => (isReported = true));
    disk.cutPower();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReported).toBe(false);
  });
});

describe("faults", () => {
  test("a failed sync that forgets leaves the pages in the cache only", async () => {
    const { disk, file } = await diskWithFile("old");
    await write(file, "new", 0);
    disk.fault = ({ kind }) => (kind === "sync" ? { error: "EIO", forgets: true } : null);
    await expect(syncFile(file)).rejects.toMatchObject({ code: "EIO" });
    disk.fault = () => null;
    await syncFile(file);
    expect(contentOf(disk)).toBe("new");
    expect(contentOf(disk.crash(EVERYTHING_SURVIVES))).toBe("old");
  });

  test("lost and misdirected writes and flipped bits report success", async () => {
    const { disk, file } = await diskWithFile("abcdef");
    disk.fault = () => ({ isLost: true });
    await write(file, "zz", 0);
    expect(contentOf(disk)).toBe("abcdef");
    disk.fault = () => ({ misdirectedTo: 4 });
    await write(file, "zz", 0);
    expect(contentOf(disk)).toBe("abcdzz");
    disk.fault = () => ({ flippedBit: 0 });
    await write(file, "a", 0);
    expect(contentOf(disk)).toBe("`bcdzz");
    const read = Buffer.alloc(1);
    await readInto(file, read, 0, 1, 1);
    expect(read.toString()).toBe("c");
    expect(contentOf(disk)).toBe("`bcdzz");
  });

  test("a write behind the capacity ends with ENOSPC, one within it does not", async () => {
    const { disk, file } = await diskWithFile("abc");
    disk.capacityBytes = 4;
    await write(file, "x", 3);
    await expect(write(file, "y", 4)).rejects.toMatchObject({ code: "ENOSPC" });
    await write(file, "z", 0);
    expect(contentOf(disk)).toBe("zbcx");
  });

  test("by chance are the same for the same seed, and of every kind", () => {
    const rates = {
      readError: 0.1,
      writeError: 0.1,
      syncError: 0.1,
      noSpace: 0.1,
      shortRead: 0.1,
      shortWrite: 0.1,
      flippedRead: 0.1,
      flippedWrite: 0.1,
      misdirectedWrite: 0.1,
      lostWrite: 0.1,
    };
    const kinds = ["read", "write", "sync"] as const;
    const operations: Operation[] = Array.from({ length: 600 }, (_, i) => {
      const kind = kinds[i % 3] as Operation["kind"];
      return { kind, path: PATH, position: i, bytes: kind === "sync" ? 0 : 1000 };
    });
    const draw = (seed: number): string[] => {
      const fault = randomFaults(new SimRandom(seed), rates);
      return operations.map((operation) => JSON.stringify(fault(operation)));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const drawn = draw(7).join("");
    for (const word of ["EIO", "ENOSPC", "forgets", "shortTo", "flippedBit", "isLost"]) {
      expect(drawn).toContain(word);
    }
    expect(drawn).toContain("misdirectedTo");
  });
});

test("with latency an operation ends when the clock has reached its time, not before", async () => {
  const { disk, file } = await diskWithFile("old");
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly fn: () => void }[] = [];
  const clock = {
    nowMs: () => nowMs,
    setTimer: (atMs: number, fn: () => void) => timers.push({ atMs, fn }),
  };
  const delayMs = randomDelays(new SimRandom(1), { minMs: 4, maxMs: 5 });
  disk.latency = { clock, delayMs };
  await Promise.resolve();
  const order: string[] = [];
  file.sync(() => order.push("sync"));
  file.write(Buffer.from("new"), 0, 3, 0, () => order.push("write"));
  timers.sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, fn } of timers) {
    nowMs = atMs;
    fn();
  }
  expect(order).toEqual(["write", "sync"]);
  expect(nowMs).toBeGreaterThanOrEqual(4);
});
