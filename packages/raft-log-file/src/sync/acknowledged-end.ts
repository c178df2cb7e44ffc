import { join } from "node:path";
import { listSegments, segmentsPath, statusPath } from "../directory/log-directory.ts";
import { StatusFile } from "../directory/status-file.ts";
import type { FileSystem } from "../file-system.ts";
import type { Extent } from "../format/journal-format.ts";
import type { LogIdentity } from "../format/log-identity.ts";
import { errorNumber, LogError } from "../log-error.ts";
import { readSegmentHeader, resolve } from "../recover/recovery.ts";
import type { Segment } from "../segment/segment.ts";

/**
 * Keeps in a group's status how far its log had been acknowledged by what a journal tells of its last
 * flush, before the journal goes: without that, bytes lost at the end look like a flush that was never
 * acknowledged. The log then opens as a damaged one, to be repaired by its peers. A segment that is not
 * the last needs nothing: the next one tells where it ended. False where it cannot be kept.
 */
export async function keepAcknowledgedEnd(
  fileSystem: FileSystem,
  groupDirectory: string,
  identity: LogIdentity,
  { seed, lastIndex, lastChain }: Extent,
): Promise<boolean> {
  if (lastIndex === 0) {
    return false;
  }
  let file: StatusFile;
  try {
    file = await StatusFile.open(fileSystem, statusPath(groupDirectory), identity);
  } catch (error) {
    if (errorNumber(error) === "ENOENT" || error instanceof LogError) {
      return false; // The log is refused for it.
    }
    throw error;
  }
  try {
    const last = await lastSegment(fileSystem, groupDirectory, file.status.headIndex);
    if (last?.seed === seed && file.status.markIndex < lastIndex) {
      await updated(file, lastIndex, lastChain);
    }
    return last !== null;
  } finally {
    await file.close();
  }
}

/** Null where a header is damaged. */
async function lastSegment(
  fileSystem: FileSystem,
  groupDirectory: string,
  headIndex: number,
): Promise<Segment | null> {
  const path = segmentsPath(groupDirectory);
  const all: Segment[] = [];
  try {
    for (const name of (await listSegments(fileSystem, path)).segments) {
      all.push(await readSegmentHeader(fileSystem, join(path, name)));
    }
  } catch (error) {
    if (error instanceof LogError) {
      return null;
    }
    throw error;
  }
  return resolve(all, headIndex).live.at(-1) ?? null;
}

function updated(file: StatusFile, markIndex: number, markChain: number): Promise<void> {
  return new Promise((done, refused) => {
    file.update(
      (status) => ({ ...status, markIndex, markChain }),
      (error) => (error === null ? done() : refused(error)),
    );
  });
}
