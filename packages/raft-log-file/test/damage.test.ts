import type { DamagedRange } from "@dt/raft";
import { describe, expect, test } from "vitest";
import { LogError } from "../src/log-error.ts";
import type { RecoveryProgress } from "../src/recover/recovery.ts";
import { LOG_PATH, logOn, newDisk, openOn, segmentPath, STATUS_PATH } from "./disk-log.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import type { FaultyDisk } from "../src/testing/index.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };

/** A log of some flushes in three segments, that the process left without closing it. */
async function someLog(): Promise<{ disk: FaultyDisk; maker: EntryMaker }> {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk);
  await store(log, maker.write(maker.filled(1, 1, 100), 0, HARD_STATE));
  for (let i = 0; i < 9; i++) {
    await store(log, maker.write(maker.filled(1, 2, 1500)));
  }
  return { disk: disk.afterKill(), maker };
}

function segments(disk: FaultyDisk): string[] {
  return disk.paths().filter((path) => path.endsWith(".log"));
}

/** Opens a log that is damaged; returns the error after checking that nothing was changed. */
async function refusal(disk: FaultyDisk): Promise<LogError> {
  const before = new Map(disk.paths().map((path) => [path, contentOf(disk, path)]));
  let error: unknown;
  try {
    await logOn(disk).open();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(LogError);
  expect(new Map(disk.paths().map((path) => [path, contentOf(disk, path)]))).toEqual(before);
  expect(disk.openFiles).toBe(0);
  return error as LogError;
}

/** Opens a log whose damage has a known end; returns what it says after checking that nothing was changed. */
async function damageOf(disk: FaultyDisk): Promise<DamagedRange> {
  const before = new Map(disk.paths().map((path) => [path, contentOf(disk, path)]));
  const { log, state } = await openOn(disk);
  expect(new Map(disk.paths().map((path) => [path, contentOf(disk, path)]))).toEqual(before);
  await expect(store(log, new EntryMaker().write([]))).rejects.toMatchObject({
    code: "DT_LOG_CORRUPT",
  });
  await log.close();
  expect(disk.openFiles).toBe(0);
  expect(state.damaged).toHaveLength(1);
  return state.damaged?.[0] as DamagedRange;
}

function contentOf(disk: FaultyDisk, path: string): Buffer | null {
  try {
    return disk.contentOf(path);
  } catch {
    return null; // A directory.
  }
}

function flipBit(disk: FaultyDisk, path: string, offset: number): void {
  disk.damage(path, (bytes) => {
    bytes[offset] = (bytes[offset] as number) ^ 0x10;
  });
}

/** Offsets of the frames in a segment, found by their marker. */
function frames(disk: FaultyDisk, path: string): number[] {
  const bytes = disk.contentOf(path);
  const found: number[] = [];
  for (let at = 4096; at < bytes.length; at += 8) {
    if (bytes.readUInt32BE(at) === 0xf1a54d7e) {
      found.push(at);
    }
  }
  return found;
}

describe("damage to entries that were acknowledged", () => {
  test("D6a in any byte of a flush that a later flush follows, is reported with file and offset", async () => {
    const { disk } = await someLog();
    const path = segments(disk).at(-1) as string;
    const [first = 0, second = 0] = frames(disk, path);
    expect(second).toBeGreaterThan(first);
    for (let offset = first; offset < second; offset += 61) {
      const copy = disk.clone();
      flipBit(copy, path, offset);
      const found = await damageOf(copy);
      expect(found.file).toBe(path);
      expect(found.offset <= offset && found.offset >= first).toBe(true);
    }
  });

  test("D6a zeros in place of a flush that a later flush follows are damage, not an end", async () => {
    const { disk } = await someLog();
    const path = segments(disk).at(-1) as string;
    const [first = 0, second = 0] = frames(disk, path);
    disk.damage(path, (bytes) => {
      bytes.fill(0, first, second);
    });
    expect(await damageOf(disk)).toMatchObject({ file: path, offset: first });
  });

  test("D6a in a segment that has a successor, is never taken for a torn end", async () => {
    const { disk } = await someLog();
    const [path = ""] = segments(disk);
    const last = frames(disk, path).at(-1) as number;
    flipBit(disk, path, last + 100);
    expect(await damageOf(disk)).toMatchObject({ file: path });
  });

  test("D6c of the last flush is reported when a mark says that it was acknowledged", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    await store(log, maker.write(maker.filled(1, 3, 100), 0, HARD_STATE));
    await store(log, maker.write(maker.filled(1, 3, 100)));
    await log.close();
    const [, second = 0] = frames(disk, segmentPath(1));
    flipBit(disk, segmentPath(1), second + 32 + 60);
    expect(await damageOf(disk)).toMatchObject({
      file: segmentPath(1),
      offset: second + 32,
      firstIndex: 4,
      lastIndex: 6,
      chain: maker.chainAt(6),
    });
  });

  test("D6c a mark does not outlive a truncation of what it vouches for", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const first = await openOn(disk);
    await store(first.log, maker.write(maker.filled(1, 6, 100), 0, HARD_STATE));
    await first.log.close();
    const second = await openOn(disk);
    await store(second.log, maker.write([], maker.cutFrom(3)));
    expect((await openOn(disk.afterKill())).state.lastIndex).toBe(2);
  });

  test("D21 a missing segment is named, wherever it was", async () => {
    const { disk } = await someLog();
    const paths = segments(disk);
    expect(paths.length).toBeGreaterThan(2);
    for (const path of paths.slice(0, -1)) {
      const copy = disk.clone();
      copy.lose(path);
      const { code, message } = await refusal(copy);
      expect(code).toBe("DT_LOG_CORRUPT");
      expect(message).toMatch(path === paths[0] ? /index 1 is missing/ : /the log goes on in/);
    }
    const empty = disk.clone();
    for (const path of paths) {
      empty.lose(path);
    }
    expect((await refusal(empty)).message).toMatch(/all segments are missing/);
  });

  test("a segment of another history, whole in itself, refuses", async () => {
    const { disk } = await someLog();
    const other = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(other);
    await store(log, maker.write(maker.filled(1, 1, 90), 0, HARD_STATE));
    for (let i = 0; i < 9; i++) {
      await store(log, maker.write(maker.filled(1, 2, 1500)));
    }
    const [path = "", next = ""] = segments(disk);
    expect(segments(other).slice(0, 2)).toEqual([path, next]);
    disk.damage(path, () => other.contentOf(path));
    expect((await refusal(disk)).fault).toMatchObject({ code: "DT_LOG_CORRUPT", file: next });
  });

  test("a segment header that is damaged refuses", async () => {
    const { disk } = await someLog();
    const path = segments(disk)[1] as string;
    for (const offset of [0, 9, 13, 20, 35, 45, 55, 58, 70, 80, 97]) {
      const copy = disk.clone();
      flipBit(copy, path, offset);
      expect((await refusal(copy)).fault).toMatchObject({ file: path });
    }
  });

  test("a status that is damaged in both slots refuses, and in one does not", async () => {
    const { disk } = await someLog();
    flipBit(disk, STATUS_PATH, 45);
    const { state } = await openOn(disk.clone());
    expect(state.hardState).toEqual(HARD_STATE);
    flipBit(disk, STATUS_PATH, 4096 + 45);
    expect((await refusal(disk)).fault).toMatchObject({
      code: "DT_LOG_CORRUPT",
      file: STATUS_PATH,
    });
    disk.lose(STATUS_PATH);
    expect((await refusal(disk)).fault).toMatchObject({
      code: "DT_LOG_CORRUPT",
      file: STATUS_PATH,
    });
  });

  test("D10 a status from before the log's last term refuses", async () => {
    const disk = newDisk();
    const maker = new EntryMaker();
    const { log } = await openOn(disk);
    await store(log, maker.write(maker.filled(1, 1, 10), 0, HARD_STATE));
    const old = disk.contentOf(STATUS_PATH);
    await store(log, maker.write(maker.filled(2, 1, 10), 0, { ...HARD_STATE, term: 2 }));
    const copy = disk.clone();
    copy.damage(STATUS_PATH, () => old);
    expect((await refusal(copy)).message).toMatch(/term 1, but the log has entries of term 2/);
  });

  test("a segment or a status of another log refuses", async () => {
    const { disk } = await someLog();
    const [path = ""] = segments(disk);
    const other = { directory: "/data/7", groupId: 7, storeId: Buffer.alloc(16, 1) };
    const { FileLog } = await import("../src/file-log.ts");
    const log = new FileLog(other, {}, disk);
    await expect(log.open()).rejects.toMatchObject({ code: "DT_LOG_FOREIGN_FILE" });
    disk.damage(STATUS_PATH, () => disk.contentOf(path));
    expect((await refusal(disk)).code).toBe("DT_LOG_CORRUPT");
  });
});

describe("what is not damage", () => {
  test("D21 a foreign file is left alone and reported", async () => {
    const { disk, maker } = await someLog();
    disk.plant(`${LOG_PATH}/notes.txt`, Buffer.from("mine"));
    const { log, state } = await openOn(disk);
    expect(state.lastIndex).toBe(maker.lastIndex);
    expect(log.recovery?.foreignNames).toEqual(["notes.txt"]);
    expect(disk.contentOf(`${LOG_PATH}/notes.txt`).toString()).toBe("mine");
  });

  test("a recovery tells how far it is", async () => {
    const { disk } = await someLog();
    const told: RecoveryProgress[] = [];
    const { log, state } = await openOn(disk, {
      segmentBytes: 16 << 10,
      onRecovery: (progress) => told.push(progress),
    });
    const { length } = segments(disk);
    expect(told.map((each) => each.doneSegments)).toEqual(segments(disk).map((_, i) => i + 1));
    expect(told.at(-1)).toMatchObject({ segments: length, nextIndex: state.lastIndex + 1 });
    expect(told.at(-1)?.scannedSegments).toBe(log.recovery?.scannedSegments);
    await log.close();
  });

  test("D4 hints that are damaged, foreign or wrong are not used", async () => {
    const { disk, maker } = await someLog();
    await (await openOn(disk)).log.close();
    const hints = disk.paths().filter((path) => path.endsWith(".idx"));
    expect(hints.length).toBe(segments(disk).length - 1);
    const hinted = await openOn(disk.clone());
    expect(hinted.log.recovery?.scannedSegments).toBe(1);
    const [first = "", second = ""] = hints;
    const wrong: ((copy: FaultyDisk) => void)[] = [
      (copy) => flipBit(copy, first, 60),
      (copy) => copy.damage(first, (bytes) => bytes.subarray(0, 50)),
      (copy) => copy.damage(first, () => Buffer.alloc(0)),
      (copy) => copy.damage(first, () => copy.contentOf(second)),
    ];
    for (const spoil of wrong) {
      const copy = disk.clone();
      spoil(copy);
      const { log, state } = await openOn(copy);
      expect(log.recovery?.scannedSegments).toBe(2);
      expect(await readRecords(log, state.lastIndex)).toEqual(maker.records);
    }
  });

  test("D4 a durable hint beside records that did not become durable finds the damage", async () => {
    const { disk } = await someLog();
    await (await openOn(disk)).log.close();
    const [path = ""] = segments(disk);
    const at = frames(disk, path).at(-1) as number;
    disk.damage(path, (bytes) => {
      bytes.fill(0, at);
    });
    expect(await damageOf(disk)).toMatchObject({ file: path, offset: at });
  });
});
