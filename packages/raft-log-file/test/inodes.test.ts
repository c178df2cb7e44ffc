import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DataDirectory } from "../src/directory/data-directory.ts";
import type { FileSystem, StoredFile } from "../src/file-system.ts";
import { nodeFileSystem } from "../src/node-file-system.ts";

/** A file system that numbers its files as `inode` says, by their paths. */
function numbered(inode: (real: bigint, path: string) => bigint): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, mode) {
      const file: StoredFile = await nodeFileSystem.open(path, mode);
      const real = await file.fileNumber();
      file.fileNumber = () => Promise.resolve(inode(real, path));
      return file;
    },
  };
}

async function openTwice(fileSystem: FileSystem): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "inodes-"));
  onTestFinished(() => rm(path, { recursive: true }));
  for (let start = 1; start <= 3; start++) {
    const data = await DataDirectory.open({ path, clusterId: "i", nodeId: 1 }, { fileSystem });
    await data.close();
  }
}

test("a directory is no copy where inodes have 64 bits, which Node gives as negative numbers", async () => {
  await expect(openTwice(numbered((real) => real - 2n ** 63n))).resolves.toBeUndefined();
});

test("a directory is no copy where a file gets another inode with another name", async () => {
  const byName = (_real: bigint, path: string): bigint => BigInt(path.length);
  await expect(openTwice(numbered(byName))).resolves.toBeUndefined();
});
