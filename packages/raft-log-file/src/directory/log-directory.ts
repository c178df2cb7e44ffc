import { dirname, join } from "node:path";
import type { FileSystem } from "../file-system.ts";
import { errorNumber } from "../log-error.ts";
import { isSegmentName } from "../segment/segment.ts";

/** The segment that is being filled with zeros, to become the next one. */
export const NEXT_NAME = "next.tmp";

/** A segment that was dropped at the head, kept to become a next one. */
export const SPARE_NAME = "spare.tmp";

export const HINT_SUFFIX = ".idx";
export const BROKEN_SUFFIX = ".broken";

/** What stands in the directory of a log's segments, by kind; names in ascending order. */
export interface DirectoryListing {
  readonly segments: readonly string[];
  readonly hints: readonly string[];
  /** Torn ends that recovery cut off. */
  readonly broken: readonly string[];
  readonly hasNext: boolean;
  readonly hasSpare: boolean;
  /** Names that this package does not know: left alone and reported. */
  readonly foreign: readonly string[];
}

/** Where the segments of the group in `directory` are. */
export function segmentsPath(directory: string): string {
  return join(directory, "log");
}

export function statusPath(directory: string): string {
  return join(directory, "status");
}

/** Where the index hint of a segment is. */
export function hintPath(segmentPath: string): string {
  return segmentPath.replace(/\.log$/, HINT_SUFFIX);
}

export async function listSegments(
  fileSystem: FileSystem,
  path: string,
): Promise<DirectoryListing> {
  const segments: string[] = [];
  const hints: string[] = [];
  const broken: string[] = [];
  const foreign: string[] = [];
  let hasNext = false;
  let hasSpare = false;
  for (const name of (await fileSystem.list(path)).sort()) {
    if (isSegmentName(name)) {
      segments.push(name);
    } else if (name.endsWith(HINT_SUFFIX)) {
      hints.push(name);
    } else if (name.endsWith(BROKEN_SUFFIX)) {
      broken.push(name);
    } else if (name === NEXT_NAME) {
      hasNext = true;
    } else if (name === SPARE_NAME) {
      hasSpare = true;
    } else {
      foreign.push(name);
    }
  }
  return { segments, hints, broken, hasNext, hasSpare, foreign };
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
