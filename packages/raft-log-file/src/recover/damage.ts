import type { DamagedRange } from "@dt/raft";
import type { StoredFile } from "../file-system.ts";
import type { Segment } from "../segment/segment.ts";
import { type ScannedFlush, SegmentScanner } from "./segment-scanner.ts";
import { examineTail, type Tail } from "./tail.ts";

/** Entries of one segment that cannot be read, between two places where the chain is known. */
export interface DamageSite extends DamagedRange {
  readonly segment: Segment;
  /** Where good bytes begin again in the segment's file. */
  readonly endOffset: number;
  /** Nothing at all stands there. */
  readonly isEmpty: boolean;
}

/** A stretch of a segment: a flush as far as it is good, or a gap up to the next good one. */
export type Stretch =
  | { readonly flush: ScannedFlush; readonly gap: null }
  | { readonly flush: null; readonly gap: DamageSite };

/** How a scan of a whole segment ended. */
export interface ScanEnd {
  readonly fileBytes: number;
  /** What stands behind the last good record; null when nothing does. */
  readonly tail: Tail | null;
}

/** The entry before which a segment has to end, and the chain that leads there. */
export interface SegmentLimit {
  readonly index: number;
  readonly chain: number;
}

/**
 * Reads a segment from its first flush on, over every gap: a frame proves that what was before it had
 * been synced, and tells the index and the chain that are reached there. With a limit, the segment
 * holds entries up to it, readable or not. The caller takes over each stretch before it asks for more.
 */
export async function* scanThrough(
  file: StoredFile,
  segment: Segment,
  limit: SegmentLimit | null,
): AsyncGenerator<Stretch, ScanEnd> {
  const fileBytes = await file.size();
  const scanner = new SegmentScanner(file, fileBytes, segment);
  const end = limit?.index ?? Infinity;
  while (segment.nextIndex < end) {
    const flush = await scanner.next();
    if (flush !== null) {
      yield { flush, gap: null };
      segment.lastFlush = flush.number;
      continue;
    }
    const { stop } = scanner;
    if (stop === null && limit === null) {
      return { fileBytes, tail: null };
    }
    const offset = stop?.offset ?? fileBytes;
    const until = segment.header.isRecycled ? (stop?.flushEnd ?? fileBytes) : fileBytes;
    const tail = await examineTail(file, fileBytes, segment, offset, until);
    const later = segment.header.isSynced || limit !== null ? tail.laterFrame : null;
    if (later !== null && later.firstIndex < end) {
      scanner.seek(later);
      const missing = stop?.missing ?? "length";
      const reason = `no valid ${missing}, and a later flush stands at offset ${later.offset}`;
      const resumed = { offset, endOffset: later.offset, isEmpty: false, reason };
      yield gapTo(segment, later.firstIndex, later.prevChain, resumed);
    } else if (limit !== null) {
      const reason = `no valid ${stop?.missing ?? "length"}, and the log goes on at index ${end}`;
      const isEmpty = tail.endOffset === offset;
      yield gapTo(segment, end, limit.chain, { offset, endOffset: fileBytes, isEmpty, reason });
    } else {
      return { fileBytes, tail };
    }
  }
  return { fileBytes, tail: null };
}

function gapTo(
  segment: Segment,
  nextIndex: number,
  chain: number,
  where: Pick<DamageSite, "offset" | "endOffset" | "isEmpty" | "reason">,
): Stretch {
  const { path: file, nextIndex: firstIndex, lastTerm: prevTerm, lastChain: prevChain } = segment;
  const range = { firstIndex, lastIndex: nextIndex - 1, prevTerm, prevChain, chain, file };
  return { flush: null, gap: { segment, ...range, ...where } };
}
