import type { EntryBatch } from "../entry/entry-batch.ts";
import { isCompacted, isCorrupt, type RaftLog } from "../log/raft-log.ts";

/** Asks a member for entries that this node has lost. */
export interface EntryRequest {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Chain of the entry before `firstIndex`. */
  readonly prevChain: number;
  /** About as many bytes; one entry at least. */
  readonly maxBytes: number;
}

export const FetchResult = {
  /** `batches` follow `prevChain`; there may be more. */
  entries: 1,
  /** The member is sure that it holds no entry there that follows `prevChain`. */
  absent: 2,
  /** It held them once: a snapshot stands for them. */
  compacted: 3,
  /** It cannot read them either. */
  damaged: 4,
  /** It cannot tell now; asking again may help. */
  unknown: 5,
} as const;
export type FetchResult = (typeof FetchResult)[keyof typeof FetchResult];

export interface EntryAnswer {
  readonly result: FetchResult;
  /** Empty unless `result` is `entries`. */
  readonly batches: readonly EntryBatch[];
}

/** Answers from a log; `lastIndex` of it includes entries that are not durable yet. */
export async function answerFetch(
  log: RaftLog,
  lastIndex: number,
  request: EntryRequest,
): Promise<EntryAnswer> {
  const { firstIndex, prevChain, maxBytes } = request;
  if (firstIndex > lastIndex) {
    return { result: FetchResult.absent, batches: [] };
  }
  const last = lastHeld(log, firstIndex, Math.min(lastIndex, request.lastIndex));
  try {
    const batches = await log.read(firstIndex, last, maxBytes);
    return batches[0]?.prevChain === prevChain
      ? { result: FetchResult.entries, batches }
      : { result: FetchResult.absent, batches: [] };
  } catch (error) {
    return { result: resultOf(error), batches: [] };
  }
}

/** The last index up to `lastIndex` that can be read; `firstIndex` when there is none. */
function lastHeld(log: RaftLog, firstIndex: number, lastIndex: number): number {
  let low = firstIndex;
  let high = lastIndex;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (log.termAt(middle) === null) {
      high = middle - 1;
    } else {
      low = middle;
    }
  }
  return low;
}

function resultOf(error: unknown): FetchResult {
  if (isCompacted(error)) {
    return FetchResult.compacted;
  }
  return isCorrupt(error) ? FetchResult.damaged : FetchResult.unknown;
}
