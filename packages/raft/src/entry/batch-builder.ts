// Hot path: per proposed entry. Bench: apps/bench raft. No closures, no promises.
import { crc32 } from "@dt/codec";
import type { EntryBatch } from "./entry-batch.ts";
import { RECORD_HEADER_BYTES, recordBytes, sealRecord } from "./record.ts";
import type { EntryType } from "./record.ts";

/** Consecutive pending entries in one slab: a batch to be. */
interface Part {
  readonly slab: Buffer;
  readonly start: number;
  end: number;
  count: number;
}

/**
 * Collects payloads in the layout of records while index, term and chain are not known yet, and seals them
 * into batches when they are. A payload is copied once, here; the sealed bytes are what the network and
 * the disk get.
 *
 * A sealed batch keeps a view of the slab it was built in, and the builder goes on behind it. Slabs are never
 * reused: the garbage collector frees one when no batch refers to it.
 */
export class BatchBuilder {
  readonly #maxBatchBytes: number;
  #slab: Buffer;
  #pos = 0;
  #parts: Part[] = [];
  #part: Part | null = null;
  #count = 0;
  #byteLength = 0;
  /** Per pending entry: payload bytes, payload crc, type * 65536 + bizType. */
  #lengths: number[] = [];
  #crcs: number[] = [];
  #kinds: number[] = [];

  /** No batch is larger than `maxBatchBytes`, unless a single entry is. */
  constructor(maxBatchBytes: number) {
    this.#maxBatchBytes = maxBatchBytes;
    this.#slab = Buffer.allocUnsafeSlow(maxBatchBytes);
  }

  /** Entries added since the last seal. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that the pending entries will take, headers and padding included. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds one entry; copies `[start, end)` of `payload`. */
  add(type: EntryType, bizType: number, payload: Buffer, start: number, end: number): void {
    const payloadBytes = end - start;
    const bytes = recordBytes(payloadBytes);
    const part = this.#partFor(bytes);
    const to = part.end + RECORD_HEADER_BYTES;
    payload.copy(part.slab, to, start, end);
    part.end += bytes;
    part.count++;
    this.#pos = part.end;
    this.#lengths.push(payloadBytes);
    this.#crcs.push(crc32(part.slab, to, to + payloadBytes));
    this.#kinds.push(type * 0x10000 + bizType);
    this.#count++;
    this.#byteLength += bytes;
  }

  /** Turns everything added since the last seal into batches, the first starting at `firstIndex`. */
  seal(firstIndex: number, term: number, timestampMs: number, prevChain: number): EntryBatch[] {
    const batches: EntryBatch[] = [];
    let chain = prevChain;
    let entry = 0;
    for (const part of this.#parts) {
      const partChain = chain;
      const partEntry = entry;
      let at = part.start;
      for (const last = entry + part.count; entry < last; entry++) {
        const payloadBytes = this.#lengths[entry] ?? 0;
        const kind = this.#kinds[entry] ?? 0;
        chain = sealRecord(
          part.slab,
          at,
          payloadBytes,
          this.#crcs[entry] ?? 0,
          kind >>> 16,
          kind & 0xffff,
          term,
          firstIndex + entry,
          timestampMs,
          chain,
        );
        at += recordBytes(payloadBytes);
      }
      batches.push({
        firstIndex: firstIndex + partEntry,
        lastIndex: firstIndex + entry - 1,
        term,
        prevChain: partChain,
        chain,
        bytes: part.slab.subarray(part.start, part.end),
      });
    }
    this.discard();
    return batches;
  }

  /** Forgets the pending entries. */
  discard(): void {
    this.#parts = [];
    this.#part = null;
    this.#count = 0;
    this.#byteLength = 0;
    this.#lengths.length = 0;
    this.#crcs.length = 0;
    this.#kinds.length = 0;
  }

  /** The part that the next record of `bytes` goes into. */
  #partFor(bytes: number): Part {
    const part = this.#part;
    if (
      part !== null &&
      part.end + bytes <= part.slab.length &&
      part.end - part.start + bytes <= this.#maxBatchBytes
    ) {
      return part;
    }
    if (this.#pos + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(this.#maxBatchBytes, bytes));
      this.#pos = 0;
    }
    const next: Part = { slab: this.#slab, start: this.#pos, end: this.#pos, count: 0 };
    this.#parts.push(next);
    this.#part = next;
    return next;
  }
}

/** A batch of one entry, such as the no-op of a new leader or a configuration. */
export function singleEntry(
  type: EntryType,
  payload: Buffer,
  index: number,
  term: number,
  timestampMs: number,
  prevChain: number,
  bizType = 0,
): EntryBatch {
  const bytes = Buffer.allocUnsafeSlow(recordBytes(payload.length));
  payload.copy(bytes, RECORD_HEADER_BYTES);
  const payloadCrc = crc32(payload, 0, payload.length);
  const length = payload.length;
  const chain = sealRecord(
    bytes,
    0,
    length,
    payloadCrc,
    type,
    bizType,
    term,
    index,
    timestampMs,
    prevChain,
  );
  return { firstIndex: index, lastIndex: index, term, prevChain, chain, bytes };
}
