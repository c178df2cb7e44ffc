import type { EntryBatch } from "@dt/raft";
import { sliceBatch } from "@dt/raft";
import { join } from "node:path";
import { listSegments, segmentsPath, statusPath } from "../directory/log-directory.ts";
import { readStatus } from "../directory/status-file.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { LogError } from "../log-error.ts";
import { corrupt } from "../recover/recover-segment.ts";
import { readSegmentHeader, resolve } from "../recover/recovery.ts";
import { SegmentScanner } from "../recover/segment-scanner.ts";
import { examineTail } from "../recover/tail.ts";
import { type Segment, segmentName } from "../segment/segment.ts";

/** Entries of one flush and where they stand. */
export interface ScannedBatch {
  readonly file: string;
  readonly offset: number;
  readonly batch: EntryBatch;
}

/**
 * Reads every entry of the group in `directory` from the first on, checking each, and changes
 * nothing: works without the lock, also while a process appends. Throws DT_LOG_CORRUPT behind the
 * last good entry when what follows is damaged; a torn or growing end is just the end. `onSegment` runs
 * behind the last entry of each segment.
 */
export async function* scanLog(
  fileSystem: FileSystem,
  directory: string,
  onSegment: () => void = () => {},
): AsyncGenerator<ScannedBatch, void> {
  const path = segmentsPath(directory);
  const segments: Segment[] = [];
  for (const name of (await listed(fileSystem, path)).segments) {
    segments.push(await readSegmentHeader(fileSystem, join(path, name)));
  }
  const { live } = resolve(segments, await headIndexOf(fileSystem, directory));
  for (const [i, segment] of live.entries()) {
    const file = await fileSystem.open(segment.path, "read");
    try {
      yield* scanSegment(file, segment, live[i + 1]);
    } finally {
      await file.close();
    }
    onSegment();
  }
}

async function* scanSegment(
  file: StoredFile,
  segment: Segment,
  next: Segment | undefined,
): AsyncGenerator<ScannedBatch, void> {
  const limit = next?.header.firstIndex ?? Infinity;
  const scanner = new SegmentScanner(file, await file.size(), segment);
  while (segment.nextIndex < limit) {
    const flush = (await scanner.next()) ?? (await tryAgain(file, segment, scanner));
    if (flush === null) {
      break;
    }
    segment.lastFlush = flush.number;
    let { offset } = flush;
    for (const whole of flush.batches) {
      if (whole.firstIndex < limit) {
        const batch = sliceBatch(whole, whole.firstIndex, Math.min(whole.lastIndex, limit - 1));
        segment.extend(batch, offset);
        yield { file: segment.path, offset, batch };
      }
      offset += whole.bytes.length;
    }
  }
  if (next !== undefined) {
    checkEnd(segment, next, scanner.stop?.offset ?? segment.endOffset);
  }
}

/** A flush that was being written when the scan came by may be there now. Throws DT_LOG_CORRUPT. */
async function tryAgain(
  file: StoredFile,
  segment: Segment,
  scanner: SegmentScanner,
): Promise<Awaited<ReturnType<SegmentScanner["next"]>>> {
  const { stop } = scanner;
  if (stop === null) {
    return null;
  }
  const fileBytes = await file.size();
  const tail = await examineTail(file, fileBytes, segment, stop.offset);
  if (tail.laterFrame === null) {
    return null;
  }
  scanner.resume(fileBytes);
  const flush = await scanner.next();
  if (flush === null || flush.batches.length === 0) {
    const reason = `no valid ${stop.missing}, and a later flush stands at offset ${tail.laterFrame.offset}`;
    throw corrupt(segment.path, stop.offset, segment.nextIndex, reason);
  }
  return flush;
}

function checkEnd(segment: Segment, next: Segment, offset: number): void {
  const limit = next.header.firstIndex;
  if (segment.nextIndex < limit) {
    const reason = `no valid record, and the log goes on in ${segmentName(limit)}`;
    throw corrupt(segment.path, offset, segment.nextIndex, reason);
  }
  if (segment.lastChain !== next.header.prevChain) {
    const reason = `does not continue the chain of ${segmentName(segment.header.firstIndex)}`;
    throw corrupt(next.path, 0, limit, reason);
  }
}

/** First entry that must be there; 1 when nothing says so. */
async function headIndexOf(fileSystem: FileSystem, directory: string): Promise<number> {
  try {
    return (await readStatus(fileSystem, statusPath(directory))).status.headIndex;
  } catch {
    return 1; // A status that is missing or damaged is for others to report.
  }
}

async function listed(fileSystem: FileSystem, path: string): ReturnType<typeof listSegments> {
  try {
    return await listSegments(fileSystem, path);
  } catch (error) {
    throw new LogError({ code: "DT_LOG_IO", file: path, operation: "list" }, { cause: error });
  }
}
