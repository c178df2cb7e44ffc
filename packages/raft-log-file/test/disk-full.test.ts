import { describe, expect, test } from "vitest";
import { LOG_PATH, openOn, segmentPath, SMALL, STATUS_PATH } from "./disk-log.ts";
import { readRecords, store } from "./entry-maker.ts";
import { codesOf, failOnce, fixture, HARD_STATE, isLogFile, type Fixture } from "./faulty-log.ts";
import { EVERYTHING_SURVIVES, NOTHING_SURVIVES, type Operation } from "../src/testing/index.ts";
import type { Write } from "@dt/raft";

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

  test("D15 after a power cut, does not keep a log from opening whose entries are there", async () => {
    const { disk, maker, log } = await fixture();
    disk.fault = ({ kind }) => (kind === "write" ? { powerCutAfterBytes: 900 } : null);
    const torn = store(log, maker.write(maker.filled(1, 1, 1500)));
    await Promise.race([torn, disk.whenOff]);
    const full = disk.crash(EVERYTHING_SURVIVES);
    full.capacityBytes = full.usedBytes;
    const { log: found, state } = await openOn(full);
    expect(state.lastIndex).toBe(2);
    expect(found.recovery).toMatchObject({ brokenFile: null });
    expect(found.recovery?.tornBytes).toBeGreaterThan(0);
    await found.close();
    expect(full.openFiles).toBe(0);
    expect(full.paths().filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });

  test("D15 at the drop of a head, keeps its files until there is space, and then they go", async () => {
    const { disk, maker, log } = await fixture({ ...SMALL, dropDelayMs: 0 });
    const append = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        await store(log, maker.write(maker.filled(1, 1, 3500)));
        await new Promise(setImmediate);
      }
    };
    await append();
    disk.fault = ({ kind, path }) =>
      kind === "write" && path.startsWith(STATUS_PATH) ? { error: "ENOSPC" } : null;
    log.dropHead(8);
    await append();
    expect(disk.paths()).toContain(segmentPath(1));
    disk.fault = () => null;
    await append();
    expect(disk.paths()).not.toContain(segmentPath(1));
    log.dropHead(maker.lastIndex);
    await append();
    const { firstIndex } = log;
    expect(firstIndex).toBeGreaterThan(20);
    const after = await openOn(disk.crash(NOTHING_SURVIVES));
    expect(after.state.firstIndex).toBe(firstIndex);
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
