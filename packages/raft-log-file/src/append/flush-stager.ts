// Hot path: per write. No closures, no promises.
import { type EntryBatch, recordLength, sliceBatch, storedBytes } from "@dt/raft";
import type { FlushBuffer } from "./flush-buffer.ts";
import { LogError } from "../log-error.ts";
import type { QueuedWrite, WriteQueue } from "./write-queue.ts";

/** Records gathered into one flush; a single larger batch still goes alone. */
const MAX_FLUSH_BYTES = 4 << 20;

/** Batches gathered into one flush: what systems take in one gathering write. */
const MAX_FLUSH_PARTS = 1024;

/**
 * Chooses what the next flush holds: the queued writes from the first one on, up to the first that
 * has something to do before its entries. Nothing of the queue changes until `commit`.
 */
export class FlushStager {
  readonly #queue: WriteQueue;
  readonly #flush: FlushBuffer;
  /** Writes whose last record is staged. */
  #count = 0;
  /** How far the write behind those is staged. */
  #batchAt = 0;
  #rest: EntryBatch | null = null;

  constructor(queue: WriteQueue, flush: FlushBuffer) {
    this.#queue = queue;
    this.#flush = flush;
  }

  /** Writes that are staged to their end. */
  get count(): number {
    return this.#count;
  }

  /**
   * Stages what follows the entry before `nextIndex`, with this chain, in at most `room` bytes; with
   * `wholeWrites`, no write is staged in part. A write that does not follow the one before it gets
   * its refusal when it is the first.
   */
  stage(nextIndex: number, chain: number, room: number, wholeWrites: boolean): void {
    this.#flush.clear();
    this.#count = 0;
    let index = nextIndex;
    let lastChain = chain;
    for (let item = this.#queue.at(0); item !== undefined; item = this.#queue.at(this.#count)) {
      this.#batchAt = item.batchAt;
      this.#rest = item.rest;
      const mustWait = item.needsHardState || item.needsReset || item.needsTruncation;
      const isReady = item.refusal === null && !mustWait;
      if (!isReady || (wholeWrites && this.#flush.recordBytes + entryBytes(item) > room)) {
        return;
      }
      const { batches } = item.write;
      while (this.#batchAt < batches.length) {
        const batch = this.#rest ?? (batches[this.#batchAt] as EntryBatch);
        if (batch.firstIndex !== index || batch.prevChain !== lastChain) {
          this.#refuse(item, index, batch);
          return;
        }
        if (!this.#add(batch, room)) {
          return;
        }
        index = batch.lastIndex + 1;
        lastChain = batch.chain;
      }
      this.#count++;
      this.#batchAt = 0;
      this.#rest = null;
    }
  }

  /** Moves the staged writes from the queue to the end of `into`. */
  commit(into: QueuedWrite[]): void {
    this.#queue.takeInto(this.#count, into);
    const next = this.#queue.at(0);
    if (next !== undefined) {
      next.batchAt = this.#batchAt;
      next.rest = this.#rest;
    }
  }

  /** Stages a batch; false when that ends the flush. */
  #add(batch: EntryBatch, room: number): boolean {
    const left = room - this.#flush.recordBytes;
    if (batch.bytes.length > left) {
      this.#addPart(batch, left);
      return false;
    }
    const { parts, recordBytes } = this.#flush;
    const isFull =
      recordBytes + batch.bytes.length > MAX_FLUSH_BYTES || parts.length === MAX_FLUSH_PARTS;
    if (isFull && recordBytes > 0) {
      return false;
    }
    this.#flush.add(batch);
    this.#batchAt++;
    this.#rest = null;
    return true;
  }

  /** Stages the whole records at the start of a batch that fit into `room`. */
  #addPart(batch: EntryBatch, room: number): void {
    let lastIndex = batch.firstIndex - 1;
    for (let at = 0; at < room; lastIndex++) {
      at += storedBytes(recordLength(batch.bytes, at));
      if (at > room) {
        break;
      }
    }
    if (lastIndex >= batch.firstIndex) {
      this.#flush.add(sliceBatch(batch, batch.firstIndex, lastIndex));
      this.#rest = sliceBatch(batch, lastIndex + 1, batch.lastIndex);
    }
  }

  #refuse(item: QueuedWrite, expectedIndex: number, batch: EntryBatch): void {
    if (this.#count === 0 && this.#flush.recordBytes === 0) {
      item.refusal = new LogError({ code: "DT_LOG_GAP", expectedIndex, index: batch.firstIndex });
    }
  }
}

function entryBytes(item: QueuedWrite): number {
  let bytes = item.rest === null ? 0 : item.rest.bytes.length;
  const { batches } = item.write;
  for (let i = item.batchAt + (item.rest === null ? 0 : 1); i < batches.length; i++) {
    bytes += (batches[i] as EntryBatch).bytes.length;
  }
  return bytes;
}
