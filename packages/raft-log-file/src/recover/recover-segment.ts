import { recordOffset, scanRecords, sliceBatch } from "@dt/raft";
import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import type { IndexHint } from "../format/index-hint.ts";
import { LogError } from "../log-error.ts";
import { locate, pack } from "../read/record-walk.ts";
import { Segment, segmentName } from "../segment/segment.ts";
import { SegmentIndex } from "../segment/segment-index.ts";
import { type DamageSite, scanThrough, type Stretch } from "./damage.ts";
import { type ScannedFlush, SegmentScanner } from "./segment-scanner.ts";

/** What the last segment's file holds behind its good records. */
export interface RecoveredEnd {
  readonly fileBytes: number;
  /** Offset of the last flush's frame; 0 when there is no flush. */
  readonly lastFlushOffset: number;
  /** What a power cut left of a flush that was never acknowledged. */
  readonly torn: TornTail | null;
  /** What of the acknowledged entries cannot be read. */
  readonly damaged: readonly DamageSite[];
}

/** Bytes that are no records, the last of them not zero. */
export interface TornTail {
  readonly offset: number;
  readonly endOffset: number;
}

/**
 * Scans a segment that has a successor: it must hold everything up to it. Returns what of that cannot
 * be read. Throws DT_LOG_CORRUPT when it leads to another successor, or one between the two is missing.
 */
export async function scanSealed(
  file: StoredFile,
  segment: Segment,
  next: Segment,
): Promise<DamageSite[]> {
  const { firstIndex: limit, prevChain } = next.header;
  const damaged: DamageSite[] = [];
  for await (const stretch of scanThrough(file, segment, { index: limit, chain: prevChain })) {
    take(segment, stretch, limit, damaged);
  }
  const gap = damaged.at(-1);
  if (gap?.isEmpty === true && next.header.sequence > segment.header.sequence + 1) {
    const reason = `a segment is missing: the log goes on in ${segmentName(limit)}`;
    throw corrupt(segment.path, gap.offset, gap.firstIndex, reason);
  }
  if (segment.lastChain !== prevChain) {
    const reason = `does not continue the chain of ${segmentName(segment.header.firstIndex)}`;
    throw corrupt(next.path, 0, limit, reason);
  }
  return damaged;
}

/**
 * Takes over a hint for a segment that has a successor, when the records behind the hint's last
 * position end where the successor begins. False: the hint is wrong, and nothing was taken over.
 */
export async function useHint(
  file: StoredFile,
  segment: Segment,
  next: Segment,
  hint: IndexHint,
): Promise<boolean> {
  const limit = next.header.firstIndex;
  const index = new SegmentIndex(hint.points);
  index.truncateFrom(limit);
  const point = index.floor(limit);
  const termRuns = hint.termRuns.filter((run) => run.firstIndex < limit);
  const isUsable = hint.nextIndex >= limit && point !== undefined && termRuns.length > 0;
  if (!isUsable || index.points[0]?.index !== segment.header.firstIndex) {
    return false;
  }
  const buf = Buffer.allocUnsafeSlow(Math.max(0, hint.endOffset - point.offset));
  const read = await readInto(file, buf, 0, buf.length, point.offset);
  const bytes = buf.subarray(0, read);
  const count = limit - point.index;
  if (locate(bytes, point, limit - 1) === null) {
    return false;
  }
  const start = locate(bytes, point, point.index)?.at ?? 0;
  const end = pack(bytes, start, count, bytes.length);
  const run = scanRecords(bytes, start, end, point.index - 1, 0, point.prevChain);
  const last = run.batches.at(-1);
  const isRight =
    last?.lastIndex === limit - 1 &&
    last.chain === next.header.prevChain &&
    last.term === next.header.prevTerm &&
    last.term === termRuns.at(-1)?.term;
  if (isRight) {
    segment.index = index;
    segment.termRuns = termRuns;
    segment.configs = hint.configs.filter((config) => config.index < limit);
    segment.maxTimestampMs = hint.maxTimestampMs;
    segment.nextIndex = limit;
    segment.lastTerm = last.term;
    segment.lastChain = last.chain;
    segment.endOffset = hint.endOffset;
    segment.isHinted = true;
  }
  return isRight;
}

/**
 * Scans the last segment. Good records end where the first byte is wrong; that is a torn flush when
 * no later flush stands behind it, and damage to acknowledged entries when one does, because a flush
 * only starts after the one before it was synced.
 */
export async function scanLast(file: StoredFile, segment: Segment): Promise<RecoveredEnd> {
  const damaged: DamageSite[] = [];
  let lastFlushOffset = 0;
  const scan = scanThrough(file, segment, null);
  let each = await scan.next();
  for (; each.done !== true; each = await scan.next()) {
    take(segment, each.value, Infinity, damaged);
    lastFlushOffset = each.value.flush?.frameOffset ?? lastFlushOffset;
  }
  const { fileBytes, tail } = each.value;
  const torn = tail !== null && tail.endOffset > tail.offset ? tail : null;
  return { fileBytes, lastFlushOffset, torn, damaged };
}

/** Replaces positions that came from a hint by those that the records have. Throws DT_LOG_CORRUPT. */
export async function reindex(file: StoredFile, segment: Segment): Promise<void> {
  const found = new Segment(segment.path, segment.header, segment.seed);
  const size = await file.size();
  const scanner = new SegmentScanner(file, size, segment);
  while (found.nextIndex < segment.nextIndex) {
    const flush = await scanner.next();
    if (flush === null) {
      const { offset, missing } = scanner.stop ?? { offset: size, missing: "length" };
      throw corrupt(segment.path, offset, found.nextIndex, `no valid ${missing}`);
    }
    extend(found, flush, segment.nextIndex);
  }
  segment.index = found.index;
  segment.termRuns = found.termRuns;
  segment.configs = found.configs;
  segment.maxTimestampMs = found.maxTimestampMs;
  segment.endOffset = found.endOffset;
  segment.isHinted = false;
}

/** Takes over a stretch, up to the entry before `limit`. */
function take(segment: Segment, stretch: Stretch, limit: number, damaged: DamageSite[]): void {
  if (stretch.gap === null) {
    extend(segment, stretch.flush, limit);
    return;
  }
  const { lastIndex, chain, endOffset } = stretch.gap;
  if (lastIndex >= stretch.gap.firstIndex) {
    damaged.push(stretch.gap);
  }
  segment.skipTo(lastIndex + 1, chain, endOffset);
}

/** Takes over a flush, up to the entry before `limit`. */
function extend(segment: Segment, flush: ScannedFlush, limit: number): void {
  let offset = flush.offset;
  for (const batch of flush.batches) {
    if (batch.firstIndex >= limit) {
      return;
    }
    const lastIndex = Math.min(batch.lastIndex, limit - 1);
    segment.extendFinely(sliceBatch(batch, batch.firstIndex, lastIndex), offset);
    offset += recordOffset(batch, lastIndex + 1);
  }
}

export function corrupt(file: string, offset: number, index: number, reason: string): LogError {
  return new LogError({ code: "DT_LOG_CORRUPT", file, offset, index, reason });
}
