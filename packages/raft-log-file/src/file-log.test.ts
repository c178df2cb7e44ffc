import { runRaftLogConformance } from "@dt/raft/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { logOn, newDisk } from "../test/disk-log.ts";
import { FileLog } from "./file-log.ts";

describe.each([
  { segmentBytes: 128 << 10 },
  { segmentBytes: 1 << 20 },
  { segmentBytes: 128 << 10, durability: "os" as const },
])("on a disk in memory, %o", (options) => {
  runRaftLogConformance({ test }, async () => {
    const disk = newDisk();
    return { log: () => logOn(disk, options), dispose: async () => {} };
  });
});

describe("on the file system of this machine", () => {
  runRaftLogConformance({ test }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "file-log-"));
    const location = { directory, groupId: 1, storeId: Buffer.alloc(16, 1) };
    return {
      log: () => new FileLog(location, { segmentBytes: 1 << 20 }),
      dispose: () => rm(directory, { recursive: true }),
    };
  });
});
