import type { RaftLog, Write } from "@dt/raft";
import { describe, expect, test } from "vitest";
import { LogError } from "../src/log-error.ts";
import type { FileLog } from "../src/file-log.ts";
import { LOG_PATH, newDisk, openOn, SMALL, STATUS_PATH } from "./disk-log.ts";
import type { Operation } from "../src/testing/index.ts";
import { EntryMaker, readRecords, store } from "./entry-maker.ts";
import { EVERYTHING_SURVIVES, type FaultyDisk, NOTHING_SURVIVES } from "../src/testing/index.ts";

const HARD_STATE = { term: 1, vote: 1, commitIndex: 0 };

interface Fixture {
  readonly disk: FaultyDisk;
  readonly maker: EntryMaker;
  readonly log: FileLog;
}

/** An open log with two entries. */
async function fixture(options = SMALL): Promise<Fixture> {
  const disk = newDisk();
  const maker = new EntryMaker();
  const { log } = await openOn(disk, options);
  await store(log, maker.write(maker.filled(1, 2, 100), 0, HARD_STATE));
  return { disk, maker, log };
}

/** Fails the first operation that matches, once. */
function failOnce(
  disk: FaultyDisk,
  error: string,
  matches: (operation: Operation) => boolean,
): void {
  let isDone = false;
  disk.fault = (operation) => {
    if (isDone || !matches(operation)) {
      return null;
    }
    isDone = true;
    return { error };
  };
}

/** Gives writes to a log at once; resolves to the codes of their errors, "" for none. */
async function codesOf(log: RaftLog, writes: readonly Write[]): Promise<string[]> {
  const codes: string[] = [];
  await Promise.all(
    writes.map(
      (write) =>
        new Promise<void>((resolve) => {
          log.write(write, (error) => {
            codes.push(error instanceof LogError ? error.code : "");
            resolve();
          });
        }),
    ),
  );
  return codes;
}

const isLogFile = (operation: Operation): boolean => operation.path.endsWith(".log");

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

describe("a full disk", () => {
  test("D15 refuses everything queued, keeps what was acknowledged, and serves again with space", async () => {
    const { disk, maker, log } = await fixture();
    disk.capacityBytes = disk.usedBytes;
    while (true) {
      const write = maker.write(maker.filled(1, 1, 1000));
      const [code] = await codesOf(log, [write]);
      if (code !== "") {
        expect(code).toBe("DT_LOG_NO_SPACE");
        maker.cutFrom(maker.lastIndex);
        break;
      }
    }
    const stored = maker.lastIndex;
    const hardState = { term: 2, vote: 1, commitIndex: 0 };
    const writes = [
      maker.write(maker.filled(1, 4, 4000)),
      maker.write(maker.filled(1, 1, 1000)),
      maker.write([], 0, hardState),
      maker.write(maker.filled(2, 1, 1000)),
    ];
    expect(await codesOf(log, writes)).toEqual(writes.map(() => "DT_LOG_NO_SPACE"));
    expect(await readRecords(log, stored)).toEqual(maker.records.slice(0, stored));
    await expect(log.read(stored + 1, stored + 1, 1)).rejects.toMatchObject({
      code: "DT_LOG_NOT_FOUND",
    });
    const full = await openOn(disk.clone());
    expect(full.state.lastIndex).toBe(stored);
    disk.capacityBytes = Infinity;
    expect(await codesOf(log, writes)).toEqual(writes.map(() => ""));
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(after.state.hardState).toEqual(hardState);
    expect(await readRecords(after.log, maker.lastIndex)).toEqual(maker.records);
  });

  test("D15 a write that is refused half-stored leaves nothing behind that is acknowledged later", async () => {
    const { disk, maker, log } = await fixture();
    disk.capacityBytes = disk.usedBytes + (SMALL.segmentBytes ?? 0);
    // Fills this segment, the next one, and asks for a third.
    const refused = maker.write(maker.filled(1, 20, 2000));
    expect(await codesOf(log, [refused])).toEqual(["DT_LOG_NO_SPACE"]);
    maker.cutFrom(3);
    disk.capacityBytes = Infinity;
    await store(log, maker.write(maker.filled(1, 3, 500)));
    expect(await readRecords(log, 5)).toEqual(maker.records);
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });

  test("D15 the same write succeeds when it is tried again after a half-stored refusal", async () => {
    const { disk, maker, log } = await fixture();
    disk.capacityBytes = disk.usedBytes + (SMALL.segmentBytes ?? 0);
    const write = maker.write(maker.filled(1, 20, 2000));
    expect(await codesOf(log, [write])).toEqual(["DT_LOG_NO_SPACE"]);
    disk.capacityBytes = Infinity;
    expect(await codesOf(log, [write])).toEqual([""]);
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });

  test("D15 at a write into space that was there before, takes the write back", async () => {
    const { disk, maker, log } = await fixture();
    let left = 2;
    disk.fault = (operation) =>
      operation.kind === "write" && isLogFile(operation) && operation.bytes > 32 && left-- > 0
        ? { error: "ENOSPC", afterBytes: 250 }
        : null;
    expect(await codesOf(log, [maker.write(maker.filled(1, 2, 100))])).toEqual(["DT_LOG_NO_SPACE"]);
    maker.cutFrom(3);
    expect((await openOn(disk.clone())).state.lastIndex).toBe(2);
    await store(log, maker.write(maker.filled(1, 2, 10)));
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });

  test("D15 at a truncation leaves the log as it was", async () => {
    // Large enough that no next segment has been prepared yet.
    const { disk, maker, log } = await fixture({ segmentBytes: 1 << 20 });
    disk.capacityBytes = 0;
    expect(await codesOf(log, [maker.write([], 2)])).toEqual(["DT_LOG_NO_SPACE"]);
    expect((await openOn(disk.clone())).state.lastIndex).toBe(2);
    expect(await readRecords(log, 2)).toEqual(maker.records);
    maker.cutFrom(2);
    const write = maker.write(maker.filled(2, 1, 100), 2, { ...HARD_STATE, term: 2 });
    expect(await codesOf(log, [write])).toEqual(["DT_LOG_NO_SPACE"]);
    disk.capacityBytes = Infinity;
    expect(await codesOf(log, [write])).toEqual([""]);
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });

  test("D15 at the rename of a new segment refuses, and the next attempt is a fresh one", async () => {
    const { disk, maker, log } = await fixture();
    failOnce(disk, "ENOSPC", ({ kind, path }) => kind === "rename" && path.startsWith(LOG_PATH));
    maker.cutFrom(2);
    const cut = maker.write(maker.filled(1, 1, 300), 2);
    expect(await codesOf(log, [cut])).toEqual(["DT_LOG_NO_SPACE"]);
    expect(await codesOf(log, [cut])).toEqual([""]);
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
  });

  /** Fails every operation that matches for a minute of writes, as a full disk does. */
  async function fullFor(
    it: Fixture,
    matches: (operation: Operation) => boolean,
    makeWrite: () => Write,
  ): Promise<void> {
    const { disk, maker, log } = it;
    const acked = [...maker.records];
    const write = makeWrite();
    disk.fault = (operation) => (matches(operation) ? { error: "ENOSPC" } : null);
    for (let i = 0; i < 60; i++) {
      expect(await codesOf(log, [write])).toEqual(["DT_LOG_NO_SPACE"]);
    }
    expect(await readRecords(log, acked.length)).toEqual(acked);
    disk.fault = () => null;
    expect(await codesOf(log, [write])).toEqual([""]);
    expect(await codesOf(log, [maker.write(maker.filled(9, 1, 50))])).toEqual([""]);
    const after = await openOn(disk.clone());
    expect(await readRecords(after.log, after.state.lastIndex)).toEqual(maker.records);
    expect(after.state.hardState.term).toBe(9);
    await after.log.close();
  }

  const LATER = { term: 9, vote: 2, commitIndex: 0 };

  test("D15 at the rotation to a new segment, refuses for as long as it lasts and loses nothing", async () => {
    const it = await fixture();
    await store(it.log, it.maker.write([], 0, LATER));
    const grows = ({ kind, path }: Operation): boolean =>
      path.endsWith("next.tmp") && (kind === "open" || kind === "write");
    await fullFor(it, grows, () => it.maker.write(it.maker.filled(9, 1, 12_000)));
  });

  test("D15 at the write of term and vote, refuses for as long as it lasts and loses nothing", async () => {
    const it = await fixture();
    // One of the two slots: it is now the first of an attempt, now the second.
    for (const slot of [0, 4096]) {
      const status = ({ kind, path, position }: Operation): boolean =>
        kind === "write" && path.startsWith(STATUS_PATH) && position === slot;
      await fullFor(it, status, () => it.maker.write(it.maker.filled(9, 1, 100), 0, LATER));
    }
  });

  test("D15 at the reset to a snapshot, refuses and leaves the log as it was", async () => {
    const it = await fixture();
    const { disk, maker, log } = it;
    const base = { index: 50, term: 1, chain: 5 };
    disk.fault = ({ kind, path }) =>
      path.endsWith("next.tmp") && (kind === "open" || kind === "write")
        ? { error: "ENOSPC" }
        : null;
    const reset = maker.write([], 0, null, base);
    expect(await codesOf(log, [reset, reset])).toEqual(["DT_LOG_NO_SPACE", "DT_LOG_NO_SPACE"]);
    expect(await readRecords(log, 2)).toEqual(maker.records);
    disk.fault = () => null;
    expect(await codesOf(log, [reset])).toEqual([""]);
    expect(log.firstIndex).toBe(51);
    await log.close();
    expect((await openOn(disk)).state).toMatchObject({ firstIndex: 51, lastIndex: 50 });
  });
});

describe("a read that fails", () => {
  test("D14 fails alone: other reads and all writes go on", async () => {
    const { disk, maker, log } = await fixture();
    for (let i = 0; i < 8; i++) {
      await store(log, maker.write(maker.filled(1, 1, 4000)));
    }
    const [cold = ""] = disk.paths().filter((path) => path.endsWith(".log"));
    disk.fault = ({ kind, path }) => (kind === "read" && path === cold ? { error: "EIO" } : null);
    await expect(log.read(1, 1, 1000)).rejects.toMatchObject({
      code: "DT_LOG_IO",
      fault: { file: cold },
      cause: { code: "EIO" },
    });
    const last = maker.lastIndex;
    expect(await log.read(last, last, 1000)).toHaveLength(1);
    await store(log, maker.write(maker.filled(1, 1, 10)));
    disk.fault = () => null;
    expect(await log.read(1, 1, 1000)).toHaveLength(1);
    await log.close();
    expect(disk.openFiles).toBe(0);
  });

  test("D5 of an entry that is damaged says where, and gives nothing of it", async () => {
    const { disk, maker, log } = await fixture();
    const path = `${LOG_PATH}/00000000000000000001.log`;
    disk.damage(path, (bytes) => {
      bytes[4096 + 32 + 144 + 90] = 0xee;
    });
    expect((await log.read(1, 1, 1000))[0]?.bytes).toEqual(maker.records[0]);
    await expect(log.read(1, 2, 1000)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
      fault: { file: path, index: 1 },
    });
  });

  test("D5 of an entry that is damaged in the middle of an old segment has it found by the next open", async () => {
    const large = { segmentBytes: 128 << 10 };
    const { disk, maker, log } = await fixture(large);
    for (let i = 0; i < 50; i++) {
      await store(log, maker.write(maker.filled(1, 1, 3000)));
    }
    await log.close();
    const path = `${LOG_PATH}/00000000000000000001.log`;
    disk.damage(path, (bytes) => {
      bytes[4096 + 32 + 90] = 0xee;
    });
    const first = await openOn(disk, large);
    expect(first.state.damaged).toBeUndefined();
    await expect(first.log.read(1, 1, 1000)).rejects.toMatchObject({ code: "DT_LOG_CORRUPT" });
    await first.log.close();
    const second = await openOn(disk, large);
    expect(second.state.damaged).toMatchObject([{ file: path, firstIndex: 1 }]);
    await second.log.close();
  });

  test("D4 a position from a wrong hint is corrected from the records", async () => {
    const { disk, maker, log } = await fixture();
    for (let i = 0; i < 8; i++) {
      await store(log, maker.write(maker.filled(1, 1, 4000)));
    }
    await log.close();
    const { decodeHint, encodeHint } = await import("../src/format/index-hint.ts");
    const { readSegmentHeader } = await import("../src/recover/recovery.ts");
    const [path = ""] = disk.paths().filter((each) => each.endsWith(".idx"));
    const { seed } = await readSegmentHeader(disk, path.replace(/idx$/, "log"));
    // Whole, of this segment, and wrong: its first position points into a record.
    disk.damage(path, (bytes) => {
      const hint = decodeHint(bytes, seed);
      const [first, ...rest] = hint?.points ?? [];
      const last = maker.lastIndex;
      expect(first?.index).toBe(1);
      return encodeHint({
        seed,
        nextIndex: hint?.nextIndex ?? last,
        endOffset: hint?.endOffset ?? 0,
        termRuns: hint?.termRuns ?? [],
        configs: [],
        maxTimestampMs: 0,
        points: [
          { index: 1, offset: (first?.offset ?? 0) + 8, prevChain: 0, maxTimestampMs: 0 },
          {
            index: 2,
            offset: (first?.offset ?? 0) + 144,
            prevChain: maker.chainAt(1),
            maxTimestampMs: 0,
          },
          ...rest,
        ],
      });
    });
    const { log: found } = await openOn(disk);
    expect(found.recovery?.scannedSegments).toBe(1);
    expect((await found.read(1, 1, 10))[0]?.bytes).toEqual(maker.records[0]);
    expect(await readRecords(found, maker.lastIndex)).toEqual(maker.records);
  });

  test("D2 a crash while hints are written harms nothing", async () => {
    const { disk, maker, log } = await fixture();
    disk.fault = ({ kind, path }) =>
      kind === "write" && path.endsWith(".idx") ? { powerCutAfterBytes: 20 } : null;
    const work = (async () => {
      for (let i = 0; i < 8; i++) {
        await store(log, maker.write(maker.filled(1, 1, 4000)));
      }
    })();
    await Promise.race([work, disk.whenOff]);
    expect(disk.isOff).toBe(true);
    const { log: found, state } = await openOn(disk.crash(EVERYTHING_SURVIVES));
    expect(state.lastIndex).toBeGreaterThan(2);
    expect(await readRecords(found, state.lastIndex)).toEqual(
      maker.records.slice(0, state.lastIndex),
    );
  });
});
