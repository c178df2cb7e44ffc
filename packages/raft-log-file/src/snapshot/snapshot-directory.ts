import { join } from "node:path";
import type { SnapshotMeta } from "@dt/raft";
import { readInto } from "../file-io.ts";
import type { FileSystem } from "../file-system.ts";
import { checkIdentity, type LogIdentity } from "../format/log-identity.ts";
import { blockSeed, dataFileBytes } from "../format/snapshot-block.ts";
import { decodeSnapshotMeta } from "../format/snapshot-meta.ts";
import { errorNumber } from "../log-error.ts";

/** A finished snapshot, `<snapshot>/<index, 20 digits>-<generation>/`. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly path: string;
  /** Grows with every snapshot made; of two with one id, the higher is right. */
  readonly generation: number;
  /** What the crcs of its blocks start from. */
  readonly seed: number;
}

const NAME = /^(\d{20})-(\d+)$/;
const UNFINISHED_SUFFIX = ".tmp";

export function snapshotsPath(groupDirectory: string): string {
  return join(groupDirectory, "snapshot");
}

export function snapshotName(index: number, generation: number): string {
  return `${String(index).padStart(20, "0")}-${generation}`;
}

export function unfinishedPath(path: string): string {
  return `${path}${UNFINISHED_SUFFIX}`;
}

export function metaPath(path: string): string {
  return join(path, "meta");
}

export function dataPath(path: string): string {
  return join(path, "data");
}

/** What stands in the directory of a group's snapshots. */
export interface SnapshotListing {
  /** Newest first: by index, then by generation. Of one id all are here. */
  readonly finished: readonly StoredSnapshot[];
  /** Paths whose meta or size is wrong: they are left alone until a newer snapshot is finished. */
  readonly damaged: readonly string[];
  /** Paths of what was never finished, or was being removed. */
  readonly leftovers: readonly string[];
  readonly highestGeneration: number;
}

/** Whether a group has finished snapshots, good or not. */
export async function hasSnapshots(
  fileSystem: FileSystem,
  groupDirectory: string,
): Promise<boolean> {
  try {
    return (await fileSystem.list(snapshotsPath(groupDirectory))).some((name) => NAME.test(name));
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return false;
    }
    throw error;
  }
}

/** Throws DT_LOG_FORMAT and DT_LOG_FOREIGN_FILE. Changes nothing. */
export async function listSnapshots(
  fileSystem: FileSystem,
  directory: string,
  identity: LogIdentity,
): Promise<SnapshotListing> {
  const finished: StoredSnapshot[] = [];
  const damaged: string[] = [];
  const leftovers: string[] = [];
  let highestGeneration = 0;
  for (const name of await namesIn(fileSystem, directory)) {
    const path = join(directory, name);
    const isUnfinished = name.endsWith(UNFINISHED_SUFFIX);
    const match = NAME.exec(isUnfinished ? name.slice(0, -UNFINISHED_SUFFIX.length) : name);
    if (match === null) {
      continue;
    }
    const generation = Number(match[2]);
    highestGeneration = Math.max(highestGeneration, generation);
    if (isUnfinished) {
      leftovers.push(path);
      continue;
    }
    const stored = await readStored(fileSystem, path, identity);
    if (stored === null) {
      damaged.push(path);
    } else {
      finished.push({ ...stored, path, generation });
    }
  }
  finished.sort(newestFirst);
  return { finished, damaged, leftovers, highestGeneration };
}

export function newestFirst(a: StoredSnapshot, b: StoredSnapshot): number {
  return b.meta.index - a.meta.index || b.generation - a.generation;
}

/** Removes the directory of a snapshot that has its unfinished name. */
export async function removeUnfinished(fileSystem: FileSystem, path: string): Promise<void> {
  for (const name of await namesIn(fileSystem, path)) {
    await fileSystem.remove(join(path, name));
  }
  await fileSystem.removeDirectory(path);
}

async function namesIn(fileSystem: FileSystem, path: string): Promise<string[]> {
  try {
    return await fileSystem.list(path);
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return [];
    }
    throw error;
  }
}

/** Null for a snapshot that cannot be used. */
async function readStored(
  fileSystem: FileSystem,
  path: string,
  identity: LogIdentity,
): Promise<Pick<StoredSnapshot, "meta" | "seed"> | null> {
  const bytes = await readWhole(fileSystem, metaPath(path));
  const stored = bytes === null ? null : decodeSnapshotMeta(bytes, metaPath(path));
  if (stored === null) {
    return null;
  }
  checkIdentity(metaPath(path), identity, stored);
  const size = await sizeOf(fileSystem, dataPath(path));
  const { meta, salt } = stored;
  return size === dataFileBytes(meta.byteLength) ? { meta, seed: blockSeed(salt) } : null;
}

/** Null when there is none. */
async function readWhole(fileSystem: FileSystem, path: string): Promise<Buffer | null> {
  const file = await openIfThere(fileSystem, path);
  if (file === null) {
    return null;
  }
  try {
    const bytes = Buffer.alloc(await file.size());
    const read = await readInto(file, bytes, 0, bytes.length, 0);
    return bytes.subarray(0, read);
  } finally {
    await file.close();
  }
}

async function sizeOf(fileSystem: FileSystem, path: string): Promise<number | null> {
  const file = await openIfThere(fileSystem, path);
  if (file === null) {
    return null;
  }
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}

async function openIfThere(fileSystem: FileSystem, path: string) {
  try {
    return await fileSystem.open(path, "read");
  } catch (error) {
    if (errorNumber(error) === "ENOENT" || errorNumber(error) === "ENOTDIR") {
      return null;
    }
    throw error;
  }
}
