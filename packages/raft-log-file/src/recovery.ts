import { recordOffset, sliceBatch } from "@dt/raft";
import { join } from "node:path";
import { readInto } from "./file-io.ts";
import type { FileSystem, StoredFile } from "./file-system.ts";
import { frameFlush, isFrame } from "./flush-frame.ts";
import type { DirectoryListing } from "./log-directory.ts";
import { LogError } from "./log-error.ts";
import { Segment, segmentName } from "./segment.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { type ScannedFlush, SegmentScanner } from "./segment-scanner.ts";
import { checkIdentity, type LogIdentity } from "./status-file.ts";

/** Bytes behind the last good record that are not zero: what a crash left of the last flush. */
export interface TornTail {
  readonly offset: number;
  readonly endOffset: number;
}

/** What a directory holds, found without changing anything. */
export interface Recovered {
  /** Segments of the log, ascending; empty for a log that has none yet. */
  readonly segments: readonly Segment[];
  /** Paths of segments that a later one replaced. */
  readonly superseded: readonly string[];
  readonly torn: TornTail | null;
  /** Size of the last segment's file. */
  readonly lastFileBytes: number;
}

/**
 * Finds the log in a directory. Throws DT_LOG_CORRUPT, with file and offset, for anything but a torn
 * end of the last flush; DT_LOG_FORMAT and DT_LOG_FOREIGN_FILE.
 */
export async function recover(
  fileSystem: FileSystem,
  path: string,
  listing: DirectoryListing,
  identity: LogIdentity | null,
): Promise<Recovered> {
  const all: Segment[] = [];
  for (const name of listing.segments) {
    all.push(await readSegmentHeader(fileSystem, join(path, name), identity));
  }
  const { live, superseded } = resolve(all);
  let torn: TornTail | null = null;
  let lastFileBytes = 0;
  for (let i = 0; i < live.length; i++) {
    const segment = live[i] as Segment;
    const next = live[i + 1];
    const file = await fileSystem.open(segment.path, "read");
    try {
      const size = await file.size();
      if (next === undefined) {
        lastFileBytes = size;
        torn = await scanLast(file, size, segment);
      } else {
        await scanSealed(file, size, segment, next);
      }
    } finally {
      await file.close();
    }
  }
  return { segments: live, superseded, torn, lastFileBytes };
}

async function readSegmentHeader(
  fileSystem: FileSystem,
  path: string,
  identity: LogIdentity | null,
): Promise<Segment> {
  const file = await fileSystem.open(path, "read");
  try {
    const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const read = await readInto(file, block, 0, block.length, 0);
    const { header, crc } = decodeSegmentHeader(block.subarray(0, read), path);
    if (identity !== null) {
      checkIdentity(path, identity, header);
    }
    if (!path.endsWith(segmentName(header.firstIndex))) {
      const reason = `named otherwise than its first index, ${header.firstIndex}`;
      throw corrupt(path, 0, header.firstIndex, reason);
    }
    return new Segment(path, header, crc);
  } finally {
    await file.close();
  }
}

/** Of the segments that claim the same indexes, those with the higher sequence are the log. */
function resolve(all: readonly Segment[]): { live: Segment[]; superseded: string[] } {
  const live: Segment[] = [];
  const superseded: string[] = [];
  const newestFirst = all.toSorted((a, b) => b.header.sequence - a.header.sequence);
  for (const segment of newestFirst) {
    const after = live.at(-1);
    if (after === undefined || segment.header.firstIndex < after.header.firstIndex) {
      live.push(segment);
    } else {
      superseded.push(segment.path);
    }
  }
  return { live: live.reverse(), superseded };
}

/** A segment with a successor must hold everything up to it. */
async function scanSealed(
  file: StoredFile,
  size: number,
  segment: Segment,
  next: Segment,
): Promise<void> {
  const limit = next.header.firstIndex;
  const scanner = new SegmentScanner(file, size, segment);
  while (segment.nextIndex < limit) {
    const flush = await scanner.next();
    if (flush === null) {
      const stop = scanner.stop ?? { offset: size, reason: "length" };
      throw corrupt(
        segment.path,
        stop.offset,
        segment.nextIndex,
        `${stop.reason} is wrong or missing, and the log goes on in ${segmentName(limit)}`,
      );
    }
    extend(segment, flush, limit);
  }
  if (segment.lastChain !== next.header.prevChain) {
    throw corrupt(next.path, 0, limit, `does not continue the chain of ${segment.path}`);
  }
}

async function scanLast(
  file: StoredFile,
  size: number,
  segment: Segment,
): Promise<TornTail | null> {
  const scanner = new SegmentScanner(file, size, segment);
  for (let flush = await scanner.next(); flush !== null; flush = await scanner.next()) {
    extend(segment, flush, Infinity);
  }
  segment.lastFlush = scanner.flush;
  const { stop } = scanner;
  if (stop === null) {
    return null;
  }
  const tail = await examineTail(file, size, segment, stop.offset);
  if (tail.laterFrameAt > 0 && segment.header.isSynced) {
    throw corrupt(
      segment.path,
      stop.offset,
      segment.nextIndex,
      `${stop.reason} is wrong, and a later flush stands at offset ${tail.laterFrameAt}`,
    );
  }
  return tail.endOffset > stop.offset ? { offset: stop.offset, endOffset: tail.endOffset } : null;
}

const CHUNK_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** Looks through everything behind the last good record: for its last byte that is not zero, and for a later frame. */
async function examineTail(
  file: StoredFile,
  size: number,
  segment: Segment,
  offset: number,
): Promise<{ endOffset: number; laterFrameAt: number }> {
  // Chunks overlap by a frame, so that none is missed between two.
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let endOffset = offset;
  let laterFrameAt = 0;
  for (let at = offset; at < size; at += CHUNK_BYTES - 32) {
    const bytes = await readInto(file, chunk, 0, Math.min(CHUNK_BYTES, size - at), at);
    if (chunk.compare(ZEROS, 0, bytes, 0, bytes) === 0) {
      continue;
    }
    for (let i = 0; i < bytes; i += 8) {
      if (laterFrameAt === 0 && isLaterFrame(chunk, i, bytes, segment)) {
        laterFrameAt = at + i;
      }
    }
    let end = bytes;
    while (chunk[end - 1] === 0) {
      end--;
    }
    endOffset = at + end;
  }
  return { endOffset, laterFrameAt };
}

function isLaterFrame(buf: Buffer, at: number, end: number, segment: Segment): boolean {
  return isFrame(buf, at, end, segment.seed) && frameFlush(buf, at) > segment.lastFlush;
}

/** Takes over a flush, up to the entry before `limit`. */
function extend(segment: Segment, flush: ScannedFlush, limit: number): void {
  let offset = flush.offset;
  for (const batch of flush.batches) {
    if (batch.firstIndex >= limit) {
      return;
    }
    const lastIndex = Math.min(batch.lastIndex, limit - 1);
    const bytes = recordOffset(batch, lastIndex + 1);
    segment.extend(sliceBatch(batch, batch.firstIndex, lastIndex), offset, offset + bytes);
    offset += batch.bytes.length;
  }
}

function corrupt(file: string, offset: number, index: number, reason: string): LogError {
  return new LogError({ code: "DT_LOG_CORRUPT", file, offset, index, reason });
}
