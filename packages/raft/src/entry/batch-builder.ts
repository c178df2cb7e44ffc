// Hot path: per proposed entry. Bench: apps/bench raft. No closures, no promises.
import { crc32 } from "@dt/codec";
import type { EntryBatch } from "./entry-batch.ts";
import { EntryType, RECORD_HEADER_BYTES, recordBytes, sealRecord } from "./record.ts";

/**
 * Collects payloads in the layout of records while index, term and chain are not known yet, and
 * seals them into one batch when they are. A payload is copied once, here; the sealed bytes are
 * what the network and the disk get.
 *
 * A sealed batch keeps a view of the slab it was built in and the builder goes on behind it; slabs
 * are never reused, the garbage collector frees one when no batch refers to it.
 */
export class BatchBuilder {
  readonly #slabBytes: number;
  #slab: Buffer;
  #start = 0;
  #pos = 0;
  #count = 0;
  /** Per pending entry: payload bytes, payload crc, type * 65536 + bizType. */
  #lengths: number[] = [];
  #crcs: number[] = [];
  #kinds: number[] = [];

  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes;
    this.#slab = Buffer.allocUnsafeSlow(slabBytes);
  }

  /** Entries added since the last seal. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that the pending entries will take, headers and padding included. */
  get byteLength(): number {
    return this.#pos - this.#start;
  }

  /** Adds one entry; copies `[start, end)` of `payload`. */
  add(type: EntryType, bizType: number, payload: Buffer, start: number, end: number): void {
    const payloadBytes = end - start;
    const at = this.#reserve(recordBytes(payloadBytes));
    const to = at + RECORD_HEADER_BYTES;
    payload.copy(this.#slab, to, start, end);
    this.#lengths.push(payloadBytes);
    this.#crcs.push(crc32(this.#slab, to, to + payloadBytes));
    this.#kinds.push(type * 0x10000 + bizType);
    this.#count++;
  }

  /** Turns everything added since the last seal into the batch that starts at `firstIndex`. */
  seal(firstIndex: number, term: number, timestampMs: number, prevChain: number): EntryBatch {
    const slab = this.#slab;
    const count = this.#count;
    let at = this.#start;
    let chain = prevChain;
    for (let i = 0; i < count; i++) {
      const payloadBytes = this.#lengths[i] as number;
      const kind = this.#kinds[i] as number;
      chain = sealRecord(
        slab,
        at,
        payloadBytes,
        this.#crcs[i] as number,
        (kind >>> 16) as EntryType,
        kind & 0xffff,
        term,
        firstIndex + i,
        timestampMs,
        chain,
      );
      at += recordBytes(payloadBytes);
    }
    const batch: EntryBatch = {
      firstIndex,
      lastIndex: firstIndex + count - 1,
      term,
      prevChain,
      chain,
      bytes: slab.subarray(this.#start, at),
    };
    this.#clear();
    this.#start = this.#pos;
    return batch;
  }

  /** Forgets the pending entries. */
  discard(): void {
    this.#clear();
    this.#pos = this.#start;
  }

  #clear(): void {
    this.#count = 0;
    this.#lengths.length = 0;
    this.#crcs.length = 0;
    this.#kinds.length = 0;
  }

  #reserve(bytes: number): number {
    if (this.#pos + bytes > this.#slab.length) {
      this.#moveToNewSlab(bytes);
    }
    const at = this.#pos;
    this.#pos = at + bytes;
    return at;
  }

  #moveToNewSlab(bytes: number): void {
    const pending = this.#pos - this.#start;
    const slab = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, pending * 2 + bytes));
    this.#slab.copy(slab, 0, this.#start, this.#pos);
    this.#slab = slab;
    this.#start = 0;
    this.#pos = pending;
  }
}

/** A batch of one entry without payload, such as the no-op of a new leader. */
export function singleEntry(
  type: EntryType,
  payload: Buffer,
  index: number,
  term: number,
  timestampMs: number,
  prevChain: number,
): EntryBatch {
  const builder = new BatchBuilder(recordBytes(payload.length));
  builder.add(type, 0, payload, 0, payload.length);
  return builder.seal(index, term, timestampMs, prevChain);
}
