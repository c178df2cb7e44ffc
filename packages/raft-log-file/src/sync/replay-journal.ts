import { crc32 } from "@dt/codec";
import { join } from "node:path";
import { segmentsPath } from "../directory/log-directory.ts";
import { readInto, syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import {
  decodeJournalHeader,
  type Extent,
  frameAt,
  frameEndingAt,
  JOURNAL_BLOCK_BYTES,
  type JournalFrame,
} from "../format/journal-format.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { errorNumber, LogError } from "../log-error.ts";
import { segmentName } from "../segment/segment.ts";
import { keepAcknowledgedEnd } from "./acknowledged-end.ts";
import { type DamagedPlace, markDamage } from "./damage-mark.ts";
import { damagedFrame, type FoundHeader, guessHeader } from "./damaged-header.ts";
import { JOURNAL_NAMES, removeJournal } from "./journal-file.ts";

/** What was found in a journal and done with it. */
export interface JournalReport {
  /** Flushes that were copied to their segments. */
  readonly copied: number;
  /** Groups whose bytes are damaged both in the journal and in their segment: their logs open as damaged ones. */
  readonly damagedGroups: readonly number[];
}

interface StoredJournal extends FoundHeader {
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * Brings the flushes that a crash left in the journal of a data directory to their segments, durably, and
 * removes it. Null when there is none. Throws DT_LOG_CORRUPT when it cannot be told which flushes a damaged
 * journal held, and then has changed nothing; again from the start after a crash in its middle.
 */
export async function replayJournal(
  fileSystem: FileSystem,
  directory: string,
  storeId: Buffer,
): Promise<JournalReport | null> {
  const { journals, isThere } = await readJournals(fileSystem, directory, storeId);
  if (!isThere) {
    return null;
  }
  const frames = journals.map((journal, i) => framesOf(journal, journals[i + 1]));
  const segments = new Map<string, OpenSegment | null>();
  /** Of each group: the last flush that had been synced, and the first that is lost. */
  const ends = new Map<number, Extent>();
  const lost = new Map<number, DamagedPlace>();
  let copied = 0;
  try {
    for (const [i, journal] of journals.entries()) {
      for (const frame of frames[i] ?? []) {
        const isLast = i === journals.length - 1 && frame === frames[i]?.at(-1);
        let at = frame.contentAt;
        for (const extent of frame.extents) {
          const content = journal.bytes.subarray(at, at + extent.length);
          at += extent.length;
          const segment = await openSegment(fileSystem, directory, extent, segments);
          if (segment === null) {
            continue;
          }
          const { groupId, position: offset, firstIndex: index } = extent;
          if (!isLast) {
            ends.set(groupId, extent);
          }
          if (crc32(content, 0, content.length) === extent.crc) {
            await writeFrom(segment.file, content, 0, content.length, offset);
            copied++;
          } else if (!isLast && !lost.has(groupId) && !(await holds(segment.file, extent))) {
            // The last frame may be one that a power cut tore; those before it had been synced.
            lost.set(groupId, { file: segment.path, offset, index });
          }
        }
      }
    }
    for (const segment of segments.values()) {
      if (segment !== null) {
        await syncFile(segment.file);
      }
    }
  } finally {
    for (const segment of segments.values()) {
      await segment?.file.close();
    }
  }
  for (const [groupId, place] of lost) {
    const group = join(directory, String(groupId));
    const end = ends.get(groupId) as Extent;
    if (!(await keepAcknowledgedEnd(fileSystem, group, { groupId, storeId }, end))) {
      await markDamage(fileSystem, group, place);
    }
  }
  await removeJournal(fileSystem, directory);
  return { copied, damagedGroups: [...lost.keys()] };
}

/** Whole journals of this store, the older one first. */
async function readJournals(
  fileSystem: FileSystem,
  directory: string,
  storeId: Buffer,
): Promise<{ readonly journals: StoredJournal[]; readonly isThere: boolean }> {
  const journals: StoredJournal[] = [];
  let isThere = false;
  for (const name of JOURNAL_NAMES) {
    const path = join(directory, name);
    const file = await openIfThere(fileSystem, path, "read");
    if (file === null) {
      continue;
    }
    isThere = true;
    try {
      const bytes = Buffer.allocUnsafeSlow(await file.size());
      await readInto(file, bytes, 0, bytes.length, 0);
      const found = decodeJournalHeader(bytes, path) ?? guessHeader(bytes, path, storeId);
      if (found !== null && found.header.storeId.equals(storeId)) {
        journals.push({ path, bytes, ...found });
      }
    } finally {
      await file.close();
    }
  }
  journals.sort((a, b) => a.header.epoch - b.header.epoch);
  return { journals, isThere };
}

/** The frames of a file that were synced, and maybe one more. `next` continues it. */
function framesOf(journal: StoredJournal, next: StoredJournal | undefined): JournalFrame[] {
  const { bytes, seed, extentBytes, path } = journal;
  const frames: JournalFrame[] = [];
  for (let at = JOURNAL_BLOCK_BYTES; at + JOURNAL_BLOCK_BYTES <= bytes.length;) {
    const number = frames.length + 1;
    let frame = frameAt(bytes, at, seed, extentBytes);
    if (frame?.number !== number) {
      frame = frameByItsEnd(journal, at, number);
    }
    if (frame === null) {
      break;
    }
    frames.push(frame);
    at = frame.end;
  }
  const isContinued = next?.header.epoch === journal.header.epoch + 1;
  if (isContinued && frames.length < next.header.framesBefore) {
    throw damagedFrame(path, frames.at(-1)?.end ?? JOURNAL_BLOCK_BYTES);
  }
  return frames;
}

/**
 * The frame with this number, found by the copy of its head. Null when no frame with it or a higher number
 * stands behind `at`; throws when only a higher one does.
 */
function frameByItsEnd(
  { bytes, seed, extentBytes, path }: StoredJournal,
  at: number,
  number: number,
): JournalFrame | null {
  let isFollowed = false;
  for (let end = at + JOURNAL_BLOCK_BYTES; end <= bytes.length; end += JOURNAL_BLOCK_BYTES) {
    const frame = frameEndingAt(bytes, end, seed, extentBytes);
    if (frame?.number === number && frame.at === at) {
      return frame;
    }
    isFollowed ||= (frame?.number ?? 0) > number;
    isFollowed ||= (frameAt(bytes, end, seed, extentBytes)?.number ?? 0) > number;
  }
  if (isFollowed) {
    throw damagedFrame(path, at);
  }
  return null;
}

interface OpenSegment {
  readonly file: StoredFile;
  readonly path: string;
}

/** Null when the segment of an extent is not there any more. */
async function openSegment(
  fileSystem: FileSystem,
  directory: string,
  extent: Extent,
  segments: Map<string, OpenSegment | null>,
): Promise<OpenSegment | null> {
  const group = join(directory, String(extent.groupId));
  const path = join(segmentsPath(group), segmentName(extent.segmentFirstIndex));
  const key = `${path} ${extent.seed}`;
  const known = segments.get(key);
  if (known !== undefined) {
    return known;
  }
  const file = await openIfThere(fileSystem, path, "write");
  const isThis = file !== null && (await seedOf(file, path)) === extent.seed;
  if (!isThis) {
    await file?.close();
  }
  const opened = isThis ? { file, path } : null;
  segments.set(key, opened);
  return opened;
}

/** Null for a header that is damaged: the log finds that out. */
async function seedOf(file: StoredFile, path: string): Promise<number | null> {
  const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
  await readInto(file, block, 0, block.length, 0);
  try {
    return decodeSegmentHeader(block, path).crc;
  } catch (error) {
    if (error instanceof LogError && error.code === "DT_LOG_CORRUPT") {
      return null;
    }
    throw error;
  }
}

/** Whether the segment has the bytes of an extent by itself. */
async function holds(file: StoredFile, { position, length, crc }: Extent): Promise<boolean> {
  const bytes = Buffer.alloc(length);
  const read = await readInto(file, bytes, 0, length, position);
  return read === length && crc32(bytes, 0, length) === crc;
}

async function openIfThere(
  fileSystem: FileSystem,
  path: string,
  mode: "read" | "write",
): Promise<StoredFile | null> {
  try {
    return await fileSystem.open(path, mode);
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}
