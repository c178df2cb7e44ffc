import { expect, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { planRepair } from "../src/inspect/repair-logs.ts";
import type { LogError } from "../src/log-error.ts";
import { FaultyDisk } from "../src/testing/index.ts";
import { SMALL } from "./disk-log.ts";
import { EntryMaker, store } from "./entry-maker.ts";

const HARD_STATE = { term: 3, vote: 2, commitIndex: 0 };

function openOn(disk: FaultyDisk): Promise<DataDirectory> {
  const lock = async () => ({ release: async () => {} });
  const options = { path: "/data", clusterId: "c", nodeId: 1 };
  return DataDirectory.open(options, { fileSystem: disk, lock });
}

/** A group with five entries and a snapshot that stands for the entries up to `index`. */
async function stored(index: number): Promise<FaultyDisk> {
  const disk = new FaultyDisk();
  const data = await openOn(disk);
  const log = data.log(7, SMALL);
  await log.open();
  const maker = new EntryMaker();
  await store(log, maker.write(maker.filled(3, 5, 100), 0, HARD_STATE));
  const snapshots = data.snapshots(7);
  await snapshots.open();
  const writer = await snapshots.create({
    id: "s",
    index,
    term: 3,
    chain: maker.chainAt(5),
    timestampMs: 0,
    membership: Buffer.alloc(0),
    membershipIndex: 0,
  });
  await writer.write(Buffer.from("five"));
  await writer.finish();
  await data.close();
  return disk;
}

test("D24 a state without its log is refused: what the member promised is not known", async () => {
  const disk = await stored(5);
  for (const path of disk.paths().filter((each) => /\/log\/|status$/.test(each))) {
    disk.lose(path);
  }
  const before = disk.paths();
  const data = await openOn(disk);
  await expect(data.log(7, SMALL).open()).rejects.toMatchObject({
    code: "DT_LOG_CORRUPT",
    fault: { file: "/data/7/status" },
  });
  expect(disk.paths()).toEqual(before);
  // Other groups are not concerned.
  expect((await data.log(8, SMALL).open()).lastIndex).toBe(0);
  await data.close();
});

test("D24 a state ahead of its log keeps what the member promised", async () => {
  const disk = await stored(9);
  const data = await openOn(disk);
  expect(await data.log(7, SMALL).open()).toMatchObject({ hardState: HARD_STATE, lastIndex: 5 });
  await data.close();
});

test("D24 what would be done about a state without its log is told, and about a group that is not made yet", async () => {
  const disk = await stored(5);
  for (const path of disk.paths().filter((each) => /\/log\/|status$/.test(each))) {
    disk.lose(path);
  }
  await disk.makeDirectory("/data/8");
  const plan = async () => (await planRepair("/data", disk)).groups;
  const refusal = { code: "DT_LOG_CORRUPT", file: "/data/7/status" };
  const expected = [
    { groupId: 7, refusal },
    { groupId: 8, refusal: null, damaged: [] },
  ];
  expect(await plan()).toMatchObject(expected);
  await disk.removeDirectory("/data/7/log");
  expect(await plan()).toMatchObject(expected);
});

test.each([
  ["is gone although it was acknowledged", (disk: FaultyDisk) => cutEnd(disk)],
  ["is there without its status", (disk: FaultyDisk) => disk.lose("/data/7/status")],
  ["is gone with all segments", (disk: FaultyDisk) => disk.lose(segmentIn7)],
])("what an open says of a log whose end %s is told before it", async (_what, damage) => {
  const disk = await stored(5);
  damage(disk);
  const [planned] = (await planRepair("/data", disk)).groups;
  const data = await openOn(disk);
  const opened = await data
    .log(7, SMALL)
    .open()
    .then(
      ({ damaged = [] }) => ({ damaged, refusal: null }),
      (error: LogError) => ({ damaged: [], refusal: error.fault }),
    );
  expect(opened.damaged.length + (opened.refusal === null ? 0 : 1)).toBe(1);
  expect(planned?.refusal).toEqual(opened.refusal);
  expect(planned?.damaged).toEqual(
    opened.damaged.map(({ firstIndex, lastIndex }) => ({ firstIndex, lastIndex })),
  );
  await data.close();
});

const segmentIn7 = "/data/7/log/00000000000000000001.log";

/** Takes the last of the five entries and all behind it. */
function cutEnd(disk: FaultyDisk): void {
  disk.damage(segmentIn7, (content) => {
    content.fill(0, 4096 + 32 + 4 * 144);
  });
}
