import { expect, test } from "vitest";
import { NOTHING_SURVIVES } from "../src/testing/index.ts";
import { LOG_PATH, openOn, segmentPath } from "./disk-log.ts";
import { readRecords, store } from "./entry-maker.ts";
import { fixture } from "./faulty-log.ts";

test("D9 what a truncation has left does not come back when what replaced it is dropped as damaged", async () => {
  const { disk, maker, log } = await fixture();
  for (let i = 0; i < 8; i++) {
    await store(log, maker.write(maker.filled(1, 1, 4000)));
  }
  const [, second = ""] = disk.paths().filter((path) => path.endsWith(".log"));
  expect(second).toBe(segmentPath(5));
  disk.fault = ({ kind, path }) =>
    kind === "remove" && path.startsWith(LOG_PATH) ? { error: "EIO" } : null;
  const from = maker.cutFrom(4);
  await store(
    log,
    maker.write(maker.filled(2, 2, 100), from, { term: 2, vote: 1, commitIndex: 0 }),
  );
  disk.fault = () => null;
  const crashed = disk.crash(NOTHING_SURVIVES);
  expect(crashed.paths()).toContain(second);
  for (const hint of crashed.paths().filter((path) => path.endsWith(".idx"))) {
    crashed.lose(hint);
  }
  const third = crashed.contentOf(segmentPath(1)).indexOf(maker.records[2]?.subarray(0, 40) ?? "");
  crashed.flipBit(segmentPath(1), (third + 50) * 8);
  const damaged = await openOn(crashed);
  expect(damaged.state.damaged).toMatchObject([{ firstIndex: 3, lastIndex: 3 }]);
  const left = await damaged.log.cutDamage();
  expect(left.damaged).toBeUndefined();
  expect(left.lastIndex).toBe(2);
  expect(await readRecords(damaged.log, 2)).toEqual(maker.records.slice(0, 2));
  await damaged.log.close();
});
