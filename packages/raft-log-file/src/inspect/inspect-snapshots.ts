import { join } from "node:path";
import type { SnapshotMeta } from "@dt/raft";
import { readIdentity } from "../directory/identity-file.ts";
import type { FileSystem } from "../file-system.ts";
import { LogError } from "../log-error.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import {
  dataPath,
  listSnapshots,
  snapshotsPath,
  type StoredSnapshot,
} from "../snapshot/snapshot-directory.ts";
import { SnapshotError, type SnapshotFault } from "../snapshot/snapshot-error.ts";
import { FileSnapshotReader } from "../snapshot/snapshot-reader.ts";

export interface InspectedSnapshot {
  readonly groupId: number;
  readonly meta: SnapshotMeta;
  /** The snapshot's own directory. */
  readonly path: string;
}

export interface SnapshotInspection {
  /** By group, newest first. */
  readonly snapshots: readonly InspectedSnapshot[];
  /** Directories whose meta or size is wrong. */
  readonly damaged: readonly string[];
  /** What was never finished, or was being removed; the next open removes it. */
  readonly leftovers: readonly string[];
}

const CHUNK_BYTES = 1 << 20;

/** The snapshots of every group in a data directory; reads only, needs no lock. Throws DT_LOG_IO and what a directory is refused for. */
export async function inspectSnapshots(
  dataDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<SnapshotInspection> {
  const snapshots: InspectedSnapshot[] = [];
  const damaged: string[] = [];
  const leftovers: string[] = [];
  for (const [groupId, listing] of await listings(dataDirectory, fileSystem)) {
    snapshots.push(...listing.finished.map(({ meta, path }) => ({ groupId, meta, path })));
    damaged.push(...listing.damaged);
    leftovers.push(...listing.leftovers);
  }
  return { snapshots, damaged, leftovers };
}

/** Content of a snapshot, each block checked. Throws DT_SNAPSHOT_NOT_FOUND and DT_SNAPSHOT_DAMAGED. */
export async function* readStoredSnapshot(
  dataDirectory: string,
  groupId: number,
  id: string,
  fileSystem: FileSystem = nodeFileSystem,
): AsyncGenerator<Buffer, void> {
  const listing = (await listings(dataDirectory, fileSystem)).get(groupId);
  const snapshot = listing?.finished.find(({ meta }) => meta.id === id);
  if (snapshot === undefined) {
    throw new SnapshotError({ code: "DT_SNAPSHOT_NOT_FOUND", id });
  }
  yield* contentOf(snapshot, fileSystem);
}

/** Reads a snapshot whole; null when it is good. `onBytes` gets the bytes of each step. */
export async function verifySnapshot(
  dataDirectory: string,
  groupId: number,
  id: string,
  onBytes: (bytes: number) => void = () => {},
  fileSystem: FileSystem = nodeFileSystem,
): Promise<SnapshotFault | null> {
  try {
    for await (const chunk of readStoredSnapshot(dataDirectory, groupId, id, fileSystem)) {
      onBytes(chunk.length);
    }
    return null;
  } catch (error) {
    if (error instanceof SnapshotError) {
      return error.fault;
    }
    throw error;
  }
}

async function* contentOf(
  snapshot: StoredSnapshot,
  fileSystem: FileSystem,
): AsyncGenerator<Buffer, void> {
  const file = await fileSystem.open(dataPath(snapshot.path), "read");
  const reader = new FileSnapshotReader(snapshot, file, () => {});
  try {
    for (let at = 0; at < snapshot.meta.byteLength; at += CHUNK_BYTES) {
      yield await reader.read(at, CHUNK_BYTES);
    }
  } finally {
    await reader.close();
  }
}

async function listings(dataDirectory: string, fileSystem: FileSystem) {
  const identity = await readIdentity(fileSystem, dataDirectory);
  if (identity === null) {
    throw new LogError({ code: "DT_LOG_IO", file: dataDirectory, operation: "identify" });
  }
  const found = new Map<number, Awaited<ReturnType<typeof listSnapshots>>>();
  const names = await fileSystem.list(dataDirectory);
  const groupIds = names.filter((name) => /^\d+$/.test(name)).map(Number);
  for (const groupId of groupIds.toSorted((a, b) => a - b)) {
    const path = snapshotsPath(join(dataDirectory, String(groupId)));
    const owner = { groupId, storeId: identity.storeId };
    found.set(groupId, await listSnapshots(fileSystem, path, owner));
  }
  return found;
}
