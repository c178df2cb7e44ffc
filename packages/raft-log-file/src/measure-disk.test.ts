import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { measureDisk } from "./measure-disk.ts";

test.each([true, false])(
  "measures the disk, allocated %s, and leaves nothing there",
  async (isAllocated) => {
    const directory = await mkdtemp(join(tmpdir(), "measure-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const found = await measureDisk(directory, 512, 20, isAllocated);
    expect(found).toMatchObject({ writeBytes: 512, writes: 20 });
    expect(found.p50Us).toBeGreaterThan(0);
    expect(found.p99Us).toBeGreaterThanOrEqual(found.p50Us);
    expect(found.maxUs).toBeGreaterThanOrEqual(found.p99Us);
    expect(found.bytesPerSecond).toBeGreaterThan(0);
    expect(await readdir(directory)).toEqual([]);
  },
);
