import type { FileSystem } from "../file-system.ts";
import { LogError } from "../log-error.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import type { DataDirectoryDeps } from "./data-directory.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { readStoredIdentity, type StoredIdentity, writeIdentity } from "./identity-file.ts";

/** Whether a data directory is a copy; reads only. Throws DT_LOG_IO for what is no data directory. */
export async function isCopy(
  dataDirectory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<boolean> {
  const { madeAs, foundAs } = await requireStored(dataDirectory, fileSystem);
  return madeAs !== 0n && madeAs !== foundAs;
}

/**
 * Makes a copy of a node's data directory the node's directory. Only for when the original is gone for
 * good: two of them would vote twice. What the node promised after the copy was made is forgotten, so
 * that a member of several may only be adopted where nothing was written since, or all members are
 * brought back together. Throws DT_LOG_IN_USE, DT_LOG_LOCK, DT_LOG_IO, DT_LOG_CORRUPT, DT_LOG_FORMAT.
 */
export async function adoptCopy(
  dataDirectory: string,
  deps: Pick<DataDirectoryDeps, "fileSystem" | "lock"> = {
    fileSystem: nodeFileSystem,
    lock: (path) => DirectoryLock.acquire(path),
  },
): Promise<void> {
  await requireStored(dataDirectory, deps.fileSystem);
  const lock = await deps.lock(dataDirectory);
  try {
    const stored = await requireStored(dataDirectory, deps.fileSystem);
    await writeIdentity(deps.fileSystem, dataDirectory, stored);
  } finally {
    await lock.release();
  }
}

async function requireStored(path: string, fileSystem: FileSystem): Promise<StoredIdentity> {
  const stored = await readStoredIdentity(fileSystem, path);
  if (stored === null) {
    throw new LogError({ code: "DT_LOG_IO", file: path, operation: "identify" });
  }
  return stored;
}
