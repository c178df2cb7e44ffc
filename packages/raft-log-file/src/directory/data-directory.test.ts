import { describe, expect, test } from "vitest";
import { EntryMaker, store } from "../../test/entry-maker.ts";
import { FaultyDisk, NOTHING_SURVIVES } from "../testing/index.ts";
import { DataDirectory, type DataDirectoryDeps } from "./data-directory.ts";

const OPTIONS = { path: "/srv/data", clusterId: "orders", nodeId: 3 };

/** Dependencies that note which directories are locked, and which ever were. */
function depsOn(disk: FaultyDisk): DataDirectoryDeps & { locked: string[]; everLocked: string[] } {
  const locked: string[] = [];
  const everLocked: string[] = [];
  return {
    fileSystem: disk,
    locked,
    everLocked,
    async lock(path) {
      await Promise.resolve();
      locked.push(path);
      everLocked.push(path);
      return {
        async release() {
          await Promise.resolve();
          locked.splice(locked.indexOf(path), 1);
        },
      };
    },
  };
}

function newDisk(): FaultyDisk {
  return new FaultyDisk();
}

async function snapshot(disk: FaultyDisk): Promise<Map<string, Buffer | null>> {
  const content = new Map<string, Buffer | null>();
  for (const path of disk.paths()) {
    content.set(
      path,
      path.includes(".") || path.endsWith("identity") ? disk.contentOf(path) : null,
    );
  }
  return content;
}

describe("a new data directory", () => {
  test("gets an identity that stays, and a store id of its own", async () => {
    const disk = newDisk();
    const first = await DataDirectory.open(OPTIONS, depsOn(disk));
    const { identity } = first;
    expect(identity).toMatchObject({ clusterId: "orders", nodeId: 3 });
    expect(identity.storeId).toHaveLength(16);
    await first.close();
    const again = await DataDirectory.open(OPTIONS, depsOn(disk.crash(NOTHING_SURVIVES)));
    expect(again.identity).toEqual(identity);
    const other = await DataDirectory.open(OPTIONS, depsOn(newDisk()));
    expect(other.identity.storeId).not.toEqual(identity.storeId);
  });

  test("is there whole or not at all after a crash at any moment of its making", async () => {
    for (let moment = 0; moment < 20; moment++) {
      const disk = newDisk();
      let number = 0;
      disk.fault = () => (number++ === moment ? { powerCutAfterBytes: 100 } : null);
      await Promise.race([DataDirectory.open(OPTIONS, depsOn(disk)), disk.whenOff]);
      for (const choices of [NOTHING_SURVIVES, { sectors: () => true, names: (n: number) => n }]) {
        const directory = await DataDirectory.open(OPTIONS, depsOn(disk.crash(choices)));
        expect(directory.identity.nodeId).toBe(3);
      }
    }
  });

  test("has a durable name although that of an earlier attempt to make it was not", async () => {
    const disk = newDisk();
    disk.fault = ({ kind, path }) =>
      kind === "syncDirectory" && path === "/srv" ? { error: "EIO" } : null;
    await expect(DataDirectory.open(OPTIONS, depsOn(disk))).rejects.toThrow("EIO");
    disk.fault = () => null;
    const first = await DataDirectory.open(OPTIONS, depsOn(disk));
    const { identity } = first;
    const again = await DataDirectory.open(OPTIONS, depsOn(disk.crash(NOTHING_SURVIVES)));
    expect(again.identity).toEqual(identity);
  });

  test("is made in one that is there, although that above it may not be read", async () => {
    const disk = newDisk();
    await disk.makeDirectory("/srv");
    await disk.makeDirectory("/srv/data");
    disk.fault = ({ kind, path }) =>
      kind === "syncDirectory" && path === "/srv" ? { error: "EACCES" } : null;
    const directory = await DataDirectory.open(OPTIONS, depsOn(disk));
    expect(directory.identity.nodeId).toBe(3);
    await directory.close();
  });

  test("keeps names of clusters in any script", async () => {
    const disk = newDisk();
    const options = { ...OPTIONS, clusterId: "заказы-注文-🛒".repeat(5) };
    await (await DataDirectory.open(options, depsOn(disk))).close();
    const again = await DataDirectory.open(options, depsOn(disk));
    expect(again.identity.clusterId).toBe(options.clusterId);
  });
});

describe("a data directory that is not this node's", () => {
  test.each([
    ["another node's", { nodeId: 4 }],
    ["another cluster's", { clusterId: "users" }],
  ])("%s is refused before anything is touched", async (_, change) => {
    const disk = newDisk();
    await (await DataDirectory.open(OPTIONS, depsOn(disk))).close();
    const before = await snapshot(disk);
    const deps = depsOn(disk);
    await expect(DataDirectory.open({ ...OPTIONS, ...change }, deps)).rejects.toMatchObject({
      code: "DT_LOG_IDENTITY",
      fault: { file: "/srv/data/identity", found: 'node 3 of cluster "orders"' },
    });
    expect(await snapshot(disk)).toEqual(before);
    expect(deps.everLocked).toEqual([]);
  });

  test("D21 of a newer format is refused before anything is touched", async () => {
    const disk = newDisk();
    await (await DataDirectory.open(OPTIONS, depsOn(disk))).close();
    const { crc32 } = await import("@dt/codec");
    disk.damage("/srv/data/identity", (bytes) => {
      bytes.writeUInt32BE(2, 8);
      bytes.writeUInt32BE(crc32(bytes, 0, 508), 508);
    });
    const before = await snapshot(disk);
    await expect(DataDirectory.open(OPTIONS, depsOn(disk))).rejects.toMatchObject({
      code: "DT_LOG_FORMAT",
      fault: { file: "/srv/data/identity", version: 2, supported: 1 },
    });
    expect(await snapshot(disk)).toEqual(before);
  });

  test("with a damaged identity is refused", async () => {
    const disk = newDisk();
    await (await DataDirectory.open(OPTIONS, depsOn(disk))).close();
    for (const offset of [0, 15, 20, 40, 511]) {
      const copy = disk.clone();
      copy.damage("/srv/data/identity", (bytes) => {
        bytes[offset] = (bytes[offset] as number) ^ 1;
      });
      await expect(DataDirectory.open(OPTIONS, depsOn(copy))).rejects.toMatchObject({
        code: "DT_LOG_CORRUPT",
      });
    }
    const cut = disk.clone();
    cut.damage("/srv/data/identity", (bytes) => bytes.subarray(0, 100));
    await expect(DataDirectory.open(OPTIONS, depsOn(cut))).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
    });
  });

  test("options that cannot be are refused together", async () => {
    const options = { path: "", clusterId: "x".repeat(256), nodeId: 0 };
    await expect(DataDirectory.open(options, depsOn(newDisk()))).rejects.toMatchObject({
      code: "DT_LOG_OPTIONS",
      fault: {
        problems: [/^path/, /^clusterId/, /^nodeId/].map((each) => expect.stringMatching(each)),
      },
    });
  });
});

describe("the logs of a data directory", () => {
  test("are one per group at a time, and closed with it", async () => {
    const disk = newDisk();
    const deps = depsOn(disk);
    const directory = await DataDirectory.open(OPTIONS, deps);
    const log = directory.log(5);
    await log.open();
    expect(() => directory.log(5)).toThrow(/DT_LOG_IN_USE/);
    const maker = new EntryMaker();
    await store(log, maker.write(maker.filled(1, 2, 10), 0, { term: 1, vote: 1, commitIndex: 0 }));
    await log.close();
    const again = directory.log(5);
    expect((await again.open()).lastIndex).toBe(2);
    expect(disk.paths()).toContain("/srv/data/5/status");
    await Promise.all([directory.close(), directory.close()]);
    expect(again.isClosed).toBe(true);
    expect(disk.openFiles).toBe(0);
    expect(deps.locked).toEqual([]);
    expect(() => directory.log(6)).toThrow(/DT_LOG_CLOSED/);
  });
});

test.each([Number.NaN, -1, 0, 1.5, 2 ** 32])(
  "a group with the number %s is refused",
  async (id) => {
    const disk = newDisk();
    const data = await DataDirectory.open(OPTIONS, depsOn(disk));
    const before = disk.paths();
    expect(() => data.log(id)).toThrow("DT_LOG_OPTIONS");
    expect(() => data.snapshots(id)).toThrow("DT_LOG_OPTIONS");
    await data.close();
    expect(disk.paths()).toEqual(before);
  },
);

test("a group's snapshots are not handed out again before they are closed", async () => {
  const data = await DataDirectory.open(OPTIONS, depsOn(newDisk()));
  const snapshots = data.snapshots(7);
  await snapshots.open();
  const membership = Buffer.from("members");
  const head = { id: "a", index: 5, term: 1, chain: 1, timestampMs: 5, membership };
  const writer = await snapshots.create({ ...head, membershipIndex: 1 });
  await writer.write(Buffer.alloc(200_000));
  const closing = snapshots.close();
  expect(() => data.snapshots(7)).toThrow("DT_LOG_IN_USE");
  await closing;
  expect(await data.snapshots(7).open()).toEqual([]);
  await data.close();
});
