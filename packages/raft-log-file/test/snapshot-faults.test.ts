import type { SnapshotMeta, SnapshotStore } from "@dt/raft";
import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { FileSnapshotStore } from "../src/snapshot/file-snapshot-store.ts";
import type { SnapshotStoreOptions } from "../src/snapshot/snapshot-options.ts";
import {
  type CrashChoices,
  EVERYTHING_SURVIVES,
  FaultyDisk,
  NOTHING_SURVIVES,
  randomCrash,
} from "../src/testing/index.ts";
import { cutAt } from "./crash.ts";

const LOCATION = { directory: "/7", groupId: 7, storeId: Buffer.alloc(16, 0xab) };
const SNAPSHOTS = "/7/snapshot";

type Head = Omit<SnapshotMeta, "byteLength">;

function headAt(index: number): Head {
  const membership = Buffer.from(`members of ${index}`);
  return {
    id: `at-${index}`,
    index,
    term: 2,
    chain: index,
    timestampMs: 5,
    membership,
    membershipIndex: 1,
  };
}

function contentOf(index: number): Buffer {
  return Buffer.alloc(100_000 + index, index);
}

function storeOn(disk: FaultyDisk, options: SnapshotStoreOptions = {}): FileSnapshotStore {
  return new FileSnapshotStore(LOCATION, options, disk);
}

async function save(store: SnapshotStore, index: number): Promise<void> {
  const writer = await store.create(headAt(index));
  await writer.write(contentOf(index));
  await writer.finish();
}

async function contentIn(store: SnapshotStore, meta: SnapshotMeta): Promise<Buffer> {
  const reader = await store.read(meta.id);
  const content = await reader.read(0, meta.byteLength);
  await reader.close();
  return content;
}

async function storeWith(indexes: readonly number[]): Promise<FaultyDisk> {
  const disk = new FaultyDisk();
  const store = storeOn(disk);
  await store.open();
  for (const index of indexes) {
    await save(store, index);
  }
  await store.close();
  return disk;
}

describe("S16 a crash at any step of a new snapshot", () => {
  /** The life of a group's snapshots; tells what is finished and what may be there. */
  async function life(disk: FaultyDisk, finished: Set<number>, begun: Set<number>): Promise<void> {
    const store = storeOn(disk, { retain: 2 });
    await store.open();
    for (const index of [10, 20, 30]) {
      begun.add(index);
      await save(store, index);
      finished.add(index);
    }
    const aborted = await store.create(headAt(35));
    await aborted.write(contentOf(35));
    await aborted.abort();
    begun.add(30);
    await save(store, 30);
    await store.remove("at-20");
    await store.close();
  }

  async function check(
    disk: FaultyDisk,
    finished: ReadonlySet<number>,
    begun: ReadonlySet<number>,
  ): Promise<void> {
    const store = storeOn(disk);
    const metas = await store.open();
    expect(store.damaged).toEqual([]);
    // The newest that was finished is there, or a newer one.
    expect(metas[0]?.index ?? 0).toBeGreaterThanOrEqual(Math.max(0, ...finished));
    for (const meta of metas) {
      expect(begun).toContain(meta.index);
      expect(meta).toEqual({ ...headAt(meta.index), byteLength: 100_000 + meta.index });
      expect((await contentIn(store, meta)).equals(contentOf(meta.index))).toBe(true);
    }
    await save(store, 40);
    await store.close();
    expect(disk.openFiles).toBe(0);
    const names = new Set(disk.paths().map((path) => path.slice(0, 40)));
    expect([...names].filter((name) => name.includes(".tmp"))).toEqual([]);
  }

  async function sweep(choices: (moment: number) => CrashChoices, bytes: number): Promise<void> {
    const whole = new FaultyDisk();
    await life(whole, new Set(), new Set());
    for (let moment = 0; moment < whole.operations.length; moment++) {
      const disk = new FaultyDisk();
      const finished = new Set<number>();
      const begun = new Set<number>();
      cutAt(disk, moment, bytes);
      await Promise.race([life(disk, finished, begun), disk.whenOff]);
      await check(disk.crash(choices(moment)), finished, begun);
    }
  }

  test("where nothing survives that was not synced", () => sweep(() => NOTHING_SURVIVES, 0));

  test("where everything survives that was written", () =>
    sweep(() => EVERYTHING_SURVIVES, 30_000));

  test.each([1, 2, 3])("where anything survives, draw %i", (draw) =>
    sweep((moment) => randomCrash(new SimRandom(draw * 1000 + moment)), Infinity),
  );
});

describe("D11 a damaged snapshot", () => {
  const dataOf = (disk: FaultyDisk, index: number): string =>
    disk.paths().find((path) => path.includes(`${index}-`) && path.endsWith("/data")) ?? "";

  test("is noticed at the block that is read, and the others are handed out", async () => {
    const disk = await storeWith([10]);
    disk.flipBit(dataOf(disk, 10), (65_544 + 100) * 8);
    const store = storeOn(disk);
    expect(await store.open()).toHaveLength(1);
    const reader = await store.read("at-10");
    expect(await reader.read(0, 65_536)).toHaveLength(65_536);
    await expect(reader.read(65_536, 1)).rejects.toMatchObject({
      code: "DT_SNAPSHOT_DAMAGED",
      fault: { offset: 65_544, file: dataOf(disk, 10) },
    });
    await store.close();
  });

  test.each(["every bit of the headers", "a lost tail", "a lost file", "a lost meta"])(
    "%s: falls back to the one before",
    async (what) => {
      const disk = await storeWith([10, 20]);
      const data = dataOf(disk, 20);
      if (what === "every bit of the headers") {
        disk.damage(data, (content) => content.fill(0, 0, 8));
      } else if (what === "a lost tail") {
        disk.damage(data, (content) => content.subarray(0, -1));
      } else if (what === "a lost file") {
        disk.lose(data);
      } else {
        disk.lose(data.replace(/data$/u, "meta"));
      }
      const store = storeOn(disk);
      const good: number[] = [];
      for (const meta of await store.open()) {
        const isGood = await contentIn(store, meta).then(
          () => true,
          (error: { code?: string }) => {
            expect(error.code).toBe("DT_SNAPSHOT_DAMAGED");
            return false;
          },
        );
        good.push(...(isGood ? [meta.index] : []));
      }
      expect(good).toEqual([10]);
      // It can be fetched and stored again; only then is the damaged one removed.
      await save(store, 20);
      expect((await contentIn(store, { ...headAt(20), byteLength: 100_020 })).length).toBe(100_020);
      await store.close();
      const names = await disk.list(SNAPSHOTS);
      expect(names).toHaveLength(2);
    },
  );

  test("a read that the disk refuses is damage, not a crash", async () => {
    const disk = await storeWith([10]);
    const store = storeOn(disk);
    await store.open();
    const reader = await store.read("at-10");
    disk.fault = ({ kind }) => (kind === "read" ? { error: "EIO" } : null);
    await expect(reader.read(0, 10)).rejects.toMatchObject({
      code: "DT_SNAPSHOT_DAMAGED",
      cause: { code: "EIO" },
    });
    await store.close();
  });
});

describe("a snapshot that cannot be stored", () => {
  test.each(["ENOSPC", "EIO"])("for %s at any step leaves nothing behind", async (error) => {
    const code = error === "ENOSPC" ? "DT_SNAPSHOT_NO_SPACE" : "DT_SNAPSHOT_IO";
    const whole = await storeWith([10]);
    const first = whole.operations.findIndex(({ path }) => path.endsWith(".tmp"));
    const steps = whole.operations.length - first;
    let refusals = 0;
    for (let step = 0; step < steps; step++) {
      const disk = await storeWith([5]);
      const store = storeOn(disk);
      await store.open();
      let number = 0;
      disk.fault = () => (number++ === step ? { error, afterBytes: 100 } : null);
      const refused = await save(store, 10).then(
        () => null,
        (reason: { code: string }) => reason.code,
      );
      disk.fault = () => null;
      if (refused !== null) {
        expect(refused).toBe(code);
        refusals++;
      }
      await save(store, 15);
      await store.close();
      const reopened = storeOn(disk);
      const indexes = (await reopened.open()).map(({ index }) => index);
      expect(indexes[0]).toBe(15);
      expect(indexes.at(-1)).toBe(5);
      await reopened.close();
      expect(disk.openFiles).toBe(0);
    }
    expect(refusals).toBeGreaterThan(5);
  });
});

test("a snapshot whose name cannot be made durable is not stored, and does not come back", async () => {
  const disk = await storeWith([10]);
  const store = storeOn(disk);
  await store.open();
  let isBroken = true;
  disk.fault = ({ kind, path }) =>
    isBroken && kind === "syncDirectory" && path === SNAPSHOTS ? { error: "EIO" } : null;
  await expect(save(store, 20)).rejects.toMatchObject({ code: "DT_SNAPSHOT_IO" });
  isBroken = false;
  await save(store, 15);
  await store.close();
  const metas = await storeOn(disk).open();
  expect(metas.map(({ index }) => index)).toEqual([15, 10]);
});

describe("limits", () => {
  test("keeps the newest that the options say", async () => {
    const disk = new FaultyDisk();
    const store = storeOn(disk, { retain: 2 });
    await store.open();
    for (const index of [10, 30, 20, 40]) {
      await save(store, index);
    }
    await expect(store.read("at-20")).rejects.toMatchObject({ code: "DT_SNAPSHOT_NOT_FOUND" });
    await store.close();
    const metas = await storeOn(disk).open();
    expect(metas.map(({ index }) => index)).toEqual([40, 30]);
  });

  test("refuses a writer too many, and takes one when another has ended", async () => {
    const store = storeOn(new FaultyDisk(), { maxWriters: 2 });
    await store.open();
    const writers = [await store.create(headAt(1)), await store.create(headAt(2))];
    await expect(store.create(headAt(3))).rejects.toMatchObject({ code: "DT_SNAPSHOT_BUSY" });
    await writers[0]?.finish();
    const third = await store.create(headAt(3));
    await writers[1]?.abort();
    await store.create(headAt(4));
    await third.finish();
    await store.close();
  });

  test("after close everything is refused, and nothing is left open or half written", async () => {
    const disk = await storeWith([10]);
    const store = storeOn(disk);
    await store.open();
    const writer = await store.create(headAt(20));
    await writer.write(contentOf(20));
    const reader = await store.read("at-10");
    const finishing = writer.finish().then(
      () => "finished",
      (error: { code: string }) => error.code,
    );
    await store.close();
    expect(["finished", "DT_SNAPSHOT_CLOSED"]).toContain(await finishing);
    await expect(reader.read(0, 10)).rejects.toMatchObject({ code: "DT_SNAPSHOT_CLOSED" });
    await expect(store.create(headAt(1))).rejects.toMatchObject({ code: "DT_SNAPSHOT_CLOSED" });
    await expect(store.remove("at-10")).rejects.toMatchObject({ code: "DT_SNAPSHOT_CLOSED" });
    expect(disk.openFiles).toBe(0);
    expect(disk.paths().filter((path) => path.includes(".tmp"))).toEqual([]);
  });

  test("files of another group or of a newer format are refused", async () => {
    const disk = await storeWith([10]);
    const other = new FileSnapshotStore({ ...LOCATION, groupId: 8 }, {}, disk);
    await expect(other.open()).rejects.toMatchObject({ code: "DT_LOG_FOREIGN_FILE" });
  });
});
