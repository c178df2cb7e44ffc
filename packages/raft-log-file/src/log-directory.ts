import { dirname, join } from "node:path";
import type { FileSystem } from "./file-system.ts";
import { errorNumber } from "./log-error.ts";
import { isSegmentName } from "./segment.ts";

/** Names inside `<data>/<group id>`. */
export const LOG_DIRECTORY = "log";
export const STATUS_NAME = "status";
/** The segment that is being filled with zeros, to become the next one. */
export const NEXT_NAME = "next.tmp";

/** What stands in a log's directory, by kind. */
export interface DirectoryListing {
  readonly segments: readonly string[];
  readonly hints: readonly string[];
  readonly hasNext: boolean;
  /** Names that this package does not know: left alone and reported. */
  readonly foreign: readonly string[];
}

export async function listLogDirectory(
  fileSystem: FileSystem,
  path: string,
): Promise<DirectoryListing> {
  const segments: string[] = [];
  const hints: string[] = [];
  const foreign: string[] = [];
  let hasNext = false;
  for (const name of (await fileSystem.list(path)).sort()) {
    if (isSegmentName(name)) {
      segments.push(name);
    } else if (name.endsWith(".idx") || name.endsWith(".idx.tmp")) {
      hints.push(name);
    } else if (name === NEXT_NAME) {
      hasNext = true;
    } else if (!name.endsWith(".broken")) {
      foreign.push(name);
    }
  }
  return { segments, hints, hasNext, foreign };
}

/** Makes a directory and its missing parents, each durable in its parent. */
export async function ensureDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  let wasMade: boolean;
  try {
    wasMade = await fileSystem.makeDirectory(path);
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") {
      throw error;
    }
    await ensureDirectory(fileSystem, dirname(path));
    wasMade = await fileSystem.makeDirectory(path);
  }
  if (wasMade) {
    await fileSystem.syncDirectory(dirname(path));
  }
}

export function statusPath(directory: string): string {
  return join(directory, STATUS_NAME);
}

export function segmentsPath(directory: string): string {
  return join(directory, LOG_DIRECTORY);
}
