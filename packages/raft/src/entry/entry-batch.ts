import {
  chainAfter,
  RECORD_HEADER_BYTES,
  recordHeaderCrc,
  recordIndex,
  recordLength,
  recordPayloadCrc,
  recordTerm,
  storedBytes,
} from "./record.ts";
import { crc32 } from "@dt/codec";

/**
 * A run of consecutive entries of one term, as the records that travel and are stored. Immutable:
 * whoever holds a batch may keep it, nobody may change its bytes.
 */
export interface EntryBatch {
  /** Index of the first entry. */
  readonly firstIndex: number;
  /** Index of the last entry; never below `firstIndex`. */
  readonly lastIndex: number;
  /** Term of every entry. */
  readonly term: number;
  /** Chain (header crc) of the entry before `firstIndex`; 0 before index 1. */
  readonly prevChain: number;
  /** Chain of the entry at `lastIndex`. */
  readonly chain: number;
  /** Whole records with their padding, back to back. */
  readonly bytes: Buffer;
}

/** Why a run of records was refused. */
export type RecordFault =
  /** A length that is too small, too large or runs past the end. */
  | { readonly reason: "length"; readonly at: number; readonly index: number }
  /** Index or term does not continue the run. */
  | { readonly reason: "order"; readonly at: number; readonly index: number }
  /** The header crc does not continue the chain. */
  | { readonly reason: "chain"; readonly at: number; readonly index: number }
  /** The header is good and the payload is not. */
  | { readonly reason: "payload"; readonly at: number; readonly index: number };

export interface RecordRun {
  /** Good batches from the start, split where the term changes. */
  readonly batches: EntryBatch[];
  /** Offset after the last good record. */
  readonly end: number;
  /** What stopped the scan before `end` of the range, or null when every byte was used. */
  readonly fault: RecordFault | null;
}

/**
 * Scans `[start, end)` as consecutive records that follow (prevIndex, prevTerm, prevChain), checking
 * lengths, order, chain and payload crc. The batches are views into `buf`: the caller hands over
 * bytes that nobody changes afterwards.
 */
export function scanRecords(
  buf: Buffer,
  start: number,
  end: number,
  prevIndex: number,
  prevTerm: number,
  prevChain: number,
): RecordRun {
  const batches: EntryBatch[] = [];
  let index = prevIndex;
  let term = prevTerm;
  let chain = prevChain;
  let at = start;
  let batchStart = start;
  let batchFirst = prevIndex + 1;
  let batchPrevChain = prevChain;
  let fault: RecordFault | null = null;
  while (at < end) {
    const reason = checkRecord(buf, at, end, index, term, chain);
    if (reason !== null) {
      fault = { reason, at, index: index + 1 };
      break;
    }
    const recordsTerm = recordTerm(buf, at);
    if (recordsTerm !== term) {
      if (at > batchStart) {
        batches.push(cut(buf, batchStart, at, batchFirst, index, term, batchPrevChain, chain));
      }
      batchStart = at;
      batchFirst = index + 1;
      batchPrevChain = chain;
      term = recordsTerm;
    }
    chain = recordHeaderCrc(buf, at);
    index++;
    at += storedBytes(recordLength(buf, at));
  }
  if (at > batchStart) {
    batches.push(cut(buf, batchStart, at, batchFirst, index, term, batchPrevChain, chain));
  }
  return { batches, end: at, fault };
}

function checkRecord(
  buf: Buffer,
  at: number,
  end: number,
  prevIndex: number,
  prevTerm: number,
  prevChain: number,
): RecordFault["reason"] | null {
  if (at + RECORD_HEADER_BYTES > end) {
    return "length";
  }
  const length = recordLength(buf, at);
  if (length < RECORD_HEADER_BYTES || at + storedBytes(length) > end) {
    return "length";
  }
  if (chainAfter(buf, at, prevChain) !== recordHeaderCrc(buf, at)) {
    return "chain";
  }
  if (recordIndex(buf, at) !== prevIndex + 1 || recordTerm(buf, at) < prevTerm) {
    return "order";
  }
  if (crc32(buf, at + RECORD_HEADER_BYTES, at + length) !== recordPayloadCrc(buf, at)) {
    return "payload";
  }
  return null;
}

function cut(
  buf: Buffer,
  start: number,
  end: number,
  firstIndex: number,
  lastIndex: number,
  term: number,
  prevChain: number,
  chain: number,
): EntryBatch {
  return { firstIndex, lastIndex, term, prevChain, chain, bytes: buf.subarray(start, end) };
}

/** Offset of the record of `index` inside `batch.bytes`; `lastIndex + 1` gives the end. */
export function recordOffset(batch: EntryBatch, index: number): number {
  let at = 0;
  for (let i = batch.firstIndex; i < index; i++) {
    at += storedBytes(recordLength(batch.bytes, at));
  }
  return at;
}

/** The part `[firstIndex, lastIndex]` of a batch: the batch itself when that is all of it, else a view. */
export function sliceBatch(batch: EntryBatch, firstIndex: number, lastIndex: number): EntryBatch {
  if (firstIndex === batch.firstIndex && lastIndex === batch.lastIndex) {
    return batch;
  }
  let prevChain = batch.prevChain;
  let start = 0;
  for (let i = batch.firstIndex; i < firstIndex; i++) {
    prevChain = recordHeaderCrc(batch.bytes, start);
    start += storedBytes(recordLength(batch.bytes, start));
  }
  let chain = prevChain;
  let end = start;
  for (let i = firstIndex; i <= lastIndex; i++) {
    chain = recordHeaderCrc(batch.bytes, end);
    end += storedBytes(recordLength(batch.bytes, end));
  }
  return cut(batch.bytes, start, end, firstIndex, lastIndex, batch.term, prevChain, chain);
}
