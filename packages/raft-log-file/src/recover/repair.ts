import { basename, join } from "node:path";
import {
  BROKEN_SUFFIX,
  type DirectoryListing,
  hintPath,
  NEXT_NAME,
  SPARE_NAME,
} from "../directory/log-directory.ts";
import { readInto, removeIfThere, syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { isOutOfSpace } from "../log-error.ts";
import type { Segment } from "../segment/segment.ts";
import type { RecoveredEnd, TornTail } from "./recover-segment.ts";
import type { Recovered } from "./recovery.ts";

const CHUNK_BYTES = 1 << 20;

/** Torn ends that are kept; older ones are removed. */
const KEPT_BROKEN_FILES = 8;

/**
 * Puts a directory into the state that `recover` described, durably. Returns the path that a torn
 * end was moved to, or null.
 */
export async function repair(
  fileSystem: FileSystem,
  path: string,
  listing: DirectoryListing,
  recovered: Recovered,
): Promise<string | null> {
  const { segments, superseded, end } = recovered;
  const last = segments.at(-1);
  if (listing.hasNext) {
    await fileSystem.remove(join(path, NEXT_NAME));
  }
  if (listing.hasSpare) {
    await fileSystem.remove(join(path, SPARE_NAME));
  }
  let brokenPath: string | null = null;
  if (last !== undefined && end !== null) {
    const file = await fileSystem.open(last.path, "write");
    try {
      if (end.torn !== null) {
        brokenPath = await keepTornWithSpace(fileSystem, path, listing, file, last, end.torn);
        await zero(file, end.torn);
      }
      await rewriteLastFlush(file, last, end);
      await syncFile(file);
    } finally {
      await file.close();
    }
  }
  const hints = new Set(segments.map((segment) => basename(hintPath(segment.path))));
  const orphans = listing.hints.filter((name) => !hints.has(name));
  const leftovers = [...superseded, ...orphans.map((name) => join(path, name))];
  for (const leftover of leftovers) {
    await fileSystem.remove(leftover);
  }
  await fileSystem.syncDirectory(path);
  return brokenPath;
}

/** Null on a full disk: nothing of those bytes was acknowledged, and a log whose entries are all there opens without a copy. */
async function keepTornWithSpace(...tail: Parameters<typeof keepTorn>): Promise<string | null> {
  try {
    return await keepTorn(...tail);
  } catch (error) {
    if (!(error instanceof Error && isOutOfSpace(error))) {
      throw error;
    }
    const [fileSystem, path] = tail;
    await removeIfThere(fileSystem, join(path, NEXT_NAME));
    return null;
  }
}

/** Copies the torn bytes to a file beside the segment, before they are zeroed. */
async function keepTorn(
  fileSystem: FileSystem,
  path: string,
  listing: DirectoryListing,
  from: StoredFile,
  segment: Segment,
  torn: TornTail,
): Promise<string> {
  const name = `${basename(segment.path)}.${String(torn.offset).padStart(10, "0")}${BROKEN_SUFFIX}`;
  const brokenPath = join(path, name);
  if (listing.broken.includes(name)) {
    return brokenPath; // The zeroing was interrupted: that copy has more in it than is left now.
  }
  const tooMany = listing.broken.length + 1 - KEPT_BROKEN_FILES;
  for (const old of listing.broken.slice(0, Math.max(0, tooMany))) {
    await fileSystem.remove(join(path, old));
  }
  const temporary = join(path, NEXT_NAME);
  const to = await fileSystem.open(temporary, "create");
  try {
    await copy(from, torn.offset, torn.endOffset, to, 0);
    await syncFile(to);
  } finally {
    await to.close();
  }
  await fileSystem.rename(temporary, brokenPath);
  await fileSystem.syncDirectory(path);
  return brokenPath;
}

/**
 * Writes the last flush once more, with the header when it is the segment's first. When its sync had failed, the system's cache may show bytes that
 * the disk never got and that no sync would bring there; every flush before was synced without error.
 */
async function rewriteLastFlush(
  file: StoredFile,
  segment: Segment,
  end: RecoveredEnd,
): Promise<void> {
  const from = end.lastFlushOffset > SEGMENT_HEADER_BYTES ? end.lastFlushOffset : 0;
  await copy(file, from, segment.endOffset, file, from);
}

async function copy(
  from: StoredFile,
  start: number,
  end: number,
  to: StoredFile,
  position: number,
): Promise<void> {
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - start));
  for (let at = start; at < end; at += chunk.length) {
    const bytes = await readInto(from, chunk, 0, Math.min(chunk.length, end - at), at);
    await writeFrom(to, chunk, 0, bytes, position + (at - start));
  }
}

async function zero(file: StoredFile, torn: TornTail): Promise<void> {
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, torn.endOffset - torn.offset));
  for (let at = torn.offset; at < torn.endOffset; at += zeros.length) {
    await writeFrom(file, zeros, 0, Math.min(zeros.length, torn.endOffset - at), at);
  }
}
