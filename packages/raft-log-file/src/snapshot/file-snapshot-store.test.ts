import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runSnapshotStoreConformance } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { blockSeed, dataFileBytes, isBlockGood, sealBlock } from "../format/snapshot-block.ts";
import { decodeSnapshotMeta, encodeSnapshotMeta } from "../format/snapshot-meta.ts";
import { FaultyDisk } from "../testing/index.ts";
import { FileSnapshotStore } from "./file-snapshot-store.ts";
import { resolveSnapshotStoreOptions } from "./snapshot-options.ts";

const IDENTITY = { groupId: 7, storeId: Buffer.alloc(16, 0xab) };

describe("on a real disk", () => {
  runSnapshotStoreConformance({ test }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "snapshots-"));
    return {
      store: () => new FileSnapshotStore({ ...IDENTITY, directory: join(directory, "7") }),
      dispose: () => rm(directory, { recursive: true }),
    };
  });
});

describe("on a disk in memory", () => {
  runSnapshotStoreConformance({ test }, () => {
    const disk = new FaultyDisk();
    return Promise.resolve({
      store: () => new FileSnapshotStore({ ...IDENTITY, directory: "/7" }, {}, disk),
      dispose: () => {
        expect(disk.openFiles).toBe(0);
        return Promise.resolve();
      },
    });
  });
});

describe("format", () => {
  const meta = {
    id: "a-ß",
    index: 2 ** 40,
    term: 3,
    chain: 0xffff_ffff,
    timestampMs: 1_700_000_000_000,
    membership: Buffer.from("members"),
    membershipIndex: 12,
    byteLength: 2 ** 33,
  };
  const stored = { ...IDENTITY, meta, salt: Buffer.alloc(16, 9) };

  test("meta comes back, and any wrong bit or missing byte is noticed", () => {
    const bytes = encodeSnapshotMeta(stored);
    expect(decodeSnapshotMeta(bytes, "meta")).toEqual(stored);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(decodeSnapshotMeta(copy, "meta")).toBeNull();
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeSnapshotMeta(bytes.subarray(0, length), "meta")).toBeNull();
    }
  });

  test("a block is good in its place of its snapshot only", () => {
    const seed = blockSeed(Buffer.alloc(16, 1));
    const block = Buffer.alloc(108, 5);
    sealBlock(block, 0, 100, seed, 3);
    expect(isBlockGood(block, 0, 100, seed, 3)).toBe(true);
    expect(isBlockGood(block, 0, 100, seed, 4)).toBe(false);
    expect(isBlockGood(block, 0, 99, seed, 3)).toBe(false);
    expect(isBlockGood(block, 0, 100, blockSeed(Buffer.alloc(16, 2)), 3)).toBe(false);
  });

  test("the data file has eight bytes more for each block begun", () => {
    expect([0, 1, 65_536, 65_537].map(dataFileBytes)).toEqual([0, 9, 65_544, 65_553]);
  });
});

test("options out of range are refused together", () => {
  expect(() => resolveSnapshotStoreOptions({ retain: 0, maxWriters: 1.5 })).toThrow(
    /retain: 0 is not.*; maxWriters: 1.5 is not/u,
  );
  expect(() => resolveSnapshotStoreOptions({ keep: 1 } as object)).toThrow(/keep: unknown option/u);
});
