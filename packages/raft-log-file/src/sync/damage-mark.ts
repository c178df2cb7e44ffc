import { join } from "node:path";
import { createWhole, readInto } from "../file-io.ts";
import type { FileSystem } from "../file-system.ts";
import { errorNumber, LogError } from "../log-error.ts";

const NAME = "damaged";

/** Where acknowledged bytes of a group are gone for good. */
export interface DamagedPlace {
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/**
 * Leaves a mark in a group's directory: its log must not be opened, although what is left of it looks like
 * a torn end. The mark goes with the directory, when the replica is restored from its peers.
 */
export async function markDamage(
  fileSystem: FileSystem,
  groupDirectory: string,
  place: DamagedPlace,
): Promise<void> {
  if ((await readMark(fileSystem, groupDirectory)) !== null) {
    return;
  }
  const content = Buffer.from(`${JSON.stringify(place)}\n`);
  const file = await createWhole(fileSystem, join(groupDirectory, NAME), content);
  await file.close();
  await fileSystem.syncDirectory(groupDirectory);
}

/** Throws DT_LOG_CORRUPT for a group with a mark. */
export async function requireUnmarked(
  fileSystem: FileSystem,
  groupDirectory: string,
): Promise<void> {
  const place = await readMark(fileSystem, groupDirectory);
  if (place !== null) {
    const reason = "acknowledged bytes are damaged here and in the journal";
    throw new LogError({ code: "DT_LOG_CORRUPT", reason, ...place });
  }
}

async function readMark(
  fileSystem: FileSystem,
  groupDirectory: string,
): Promise<DamagedPlace | null> {
  const path = join(groupDirectory, NAME);
  try {
    const file = await fileSystem.open(path, "read");
    try {
      const bytes = Buffer.alloc(await file.size());
      await readInto(file, bytes, 0, bytes.length, 0);
      return parse(bytes.toString(), path);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}

/** The mark counts whatever is in it. */
function parse(text: string, path: string): DamagedPlace {
  try {
    const { file, offset, index } = JSON.parse(text) as Partial<DamagedPlace>;
    return { file: file ?? path, offset: offset ?? 0, index: index ?? 0 };
  } catch {
    return { file: path, offset: 0, index: 0 };
  }
}
