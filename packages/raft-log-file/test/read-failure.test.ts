import { describe, expect, test } from "vitest";
import { LOG_PATH, openOn } from "./disk-log.ts";
import { readRecords, store } from "./entry-maker.ts";
import { fixture } from "./faulty-log.ts";
import { EVERYTHING_SURVIVES } from "../src/testing/index.ts";

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

  test("of an index hint at the open costs time, and nothing else", async () => {
    const { disk, maker, log } = await fixture();
    for (let i = 0; i < 8; i++) {
      await store(log, maker.write(maker.filled(1, 1, 4000)));
    }
    await log.close();
    let refused = 0;
    disk.fault = ({ kind, path }) =>
      kind === "read" && path.endsWith(".idx") && ++refused > 0 ? { error: "EIO" } : null;
    const again = await openOn(disk);
    expect(refused).toBeGreaterThan(0);
    expect(await readRecords(again.log, again.state.lastIndex)).toEqual(maker.records);
    await again.log.close();
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
