import { join } from "node:path";
import { type DirectoryListing, hintPath } from "../directory/log-directory.ts";
import { readInto } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { decodeHint, type IndexHint } from "../format/index-hint.ts";
import { checkIdentity, type LogIdentity } from "../format/log-identity.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import type { DamageSite } from "./damage.ts";
import { Segment, segmentName } from "../segment/segment.ts";
import { corrupt, type RecoveredEnd, scanLast, scanSealed, useHint } from "./recover-segment.ts";

/** What a directory holds, found without changing anything. */
export interface Recovered {
  /** Segments of the log, ascending; empty for a log that has none yet. */
  readonly segments: readonly Segment[];
  /** Paths of segments that a later one replaced, or whose entries were dropped. */
  readonly superseded: readonly string[];
  /** Of the last segment; null when there is none. */
  readonly end: RecoveredEnd | null;
  /** Acknowledged entries that cannot be read, ascending. */
  readonly damaged: readonly DamageSite[];
}

/** How far a recovery is. */
export interface RecoveryProgress {
  readonly doneSegments: number;
  readonly segments: number;
  /** Segments of those done whose every record was read: they take the time. */
  readonly scannedSegments: number;
  /** Index after the last entry that was found. */
  readonly nextIndex: number;
}

export interface RecoveryOptions {
  /** Use index hints, where they hold, instead of reading every record. */
  readonly useHints: boolean;
  /** First index that must be there: segments wholly before it are leftovers of a dropped head. */
  readonly headIndex: number;
  /** Runs after each segment. */
  readonly onProgress?: ((progress: RecoveryProgress) => void) | null;
}

/**
 * Finds the log in a directory, with what of it cannot be read. Throws DT_LOG_CORRUPT when that has no known end:
 * a header, a whole segment; DT_LOG_FORMAT and DT_LOG_FOREIGN_FILE.
 */
export async function recover(
  fileSystem: FileSystem,
  path: string,
  listing: DirectoryListing,
  identity: LogIdentity,
  options: RecoveryOptions,
): Promise<Recovered> {
  const all: Segment[] = [];
  for (const name of listing.segments) {
    const segment = await readSegmentHeader(fileSystem, join(path, name));
    checkIdentity(segment.path, identity, segment.header);
    all.push(segment);
  }
  const { live, superseded } = resolve(all, options.headIndex);
  let end: RecoveredEnd | null = null;
  const damaged: DamageSite[] = [];
  let scannedSegments = 0;
  for (const [i, segment] of live.entries()) {
    const next = live[i + 1];
    const hint =
      options.useHints && next !== undefined ? await readHint(fileSystem, segment) : null;
    end = await withFile(fileSystem, segment.path, async (file) => {
      if (next === undefined) {
        const found = await scanLast(file, segment);
        damaged.push(...found.damaged);
        return found;
      }
      if (hint === null || !(await useHint(file, segment, next, hint))) {
        damaged.push(...(await scanSealed(file, segment, next)));
      }
      return null;
    });
    scannedSegments += segment.isHinted ? 0 : 1;
    const { nextIndex } = segment;
    const segments = live.length;
    options.onProgress?.({ doneSegments: i + 1, segments, scannedSegments, nextIndex });
  }
  return { segments: live, superseded, end, damaged };
}

/** Reads a segment's first block. Throws DT_LOG_CORRUPT and DT_LOG_FORMAT. */
export function readSegmentHeader(fileSystem: FileSystem, path: string): Promise<Segment> {
  return withFile(fileSystem, path, async (file) => {
    const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const read = await readInto(file, block, 0, block.length, 0);
    const { header, crc } = decodeSegmentHeader(block.subarray(0, read), path);
    if (!path.endsWith(segmentName(header.firstIndex))) {
      const reason = `named otherwise than its first index, ${header.firstIndex}`;
      throw corrupt(path, 0, header.firstIndex, reason);
    }
    return new Segment(path, header, crc);
  });
}

/**
 * Of the segments that claim the same indexes, those with the higher sequence are the log; of a
 * lower sequence than one that the log begins with, none.
 */
export function resolve(
  all: readonly Segment[],
  headIndex: number,
): {
  readonly live: readonly Segment[];
  readonly superseded: readonly string[];
} {
  const live: Segment[] = [];
  const superseded: string[] = [];
  const newestFirst = all.toSorted((a, b) => b.header.sequence - a.header.sequence);
  for (const segment of newestFirst) {
    const after = live.at(-1)?.header;
    const isLive =
      after === undefined || (!after.isBase && segment.header.firstIndex < after.firstIndex);
    if (isLive) {
      live.push(segment);
    } else {
      superseded.push(segment.path);
    }
  }
  live.reverse();
  while (live.length > 1 && (live[1] as Segment).header.firstIndex <= headIndex) {
    superseded.push((live.shift() as Segment).path);
  }
  return { live, superseded };
}

/** Null for one that is missing, wrong, or cannot be read: the records tell the same. */
async function readHint(fileSystem: FileSystem, segment: Segment): Promise<IndexHint | null> {
  try {
    return await withFile(fileSystem, hintPath(segment.path), async (file) => {
      const bytes = Buffer.alloc(await file.size());
      const read = await readInto(file, bytes, 0, bytes.length, 0);
      return decodeHint(bytes.subarray(0, read), segment.seed);
    });
  } catch {
    return null;
  }
}

async function withFile<T>(
  fileSystem: FileSystem,
  path: string,
  use: (file: StoredFile) => Promise<T>,
): Promise<T> {
  const file = await fileSystem.open(path, "read");
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
