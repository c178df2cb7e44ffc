// Hot path: per write. Bench: apps/bench raft. No closures, no promises.
import type { EntryBatch } from "../entry/entry-batch.ts";
import { BatchBuilder } from "../entry/batch-builder.ts";
import { EntryType, recordBytes } from "../entry/record.ts";
import type { RaftError } from "../errors.ts";
import type { Proposal } from "./state-machine.ts";

/** A power of two. */
const INITIAL_RING = 64;

/**
 * The writes of a leader that wait: first for an index (pending), then for their entry to be applied
 * (sealed). Both keep the order of the calls, so a ring suffices whose positions are consecutive indexes but for few jumps.
 */
export class ProposalQueue<R> {
  readonly #builder: BatchBuilder;
  #ring: (Proposal<R> | null)[] = emptyRing<R>(INITIAL_RING);
  /** Bytes of the entry at the same place of the ring. */
  #sizes: number[] = zeros(INITIAL_RING);
  #head = 0;
  #count = 0;
  /** Index of the entry that the ring's head waits for; means nothing while none is sealed. */
  #headIndex = 0;
  #sealed = 0;
  /** Term of the sealed entries: one leadership's, which ends before another one's are sealed. */
  #term = 0;
  /** How many waits were shifted out so far: names the head. */
  #headNumber = 0;
  /** Index that the entry behind the last sealed one would have. */
  #nextIndex = 0;
  /** Where entries of the core, such as configurations, stand between those of the ring; nearly always empty. */
  readonly #jumps: { readonly number: number; readonly index: number }[] = [];
  /** Bytes of all waiting entries, pending and sealed. */
  #bytes = 0;

  constructor(maxBatchBytes: number) {
    this.#builder = new BatchBuilder(maxBatchBytes);
  }

  /** Writes that wait. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the entries that wait. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Writes that have no index yet. */
  get pendingCount(): number {
    return this.#builder.count;
  }

  /** Takes a write; copies the payload. */
  add(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<R>,
    type: EntryType = EntryType.normal,
  ): void {
    this.#builder.add(type, bizType, payload, start, end);
    if (this.#count === this.#ring.length) {
      this.#grow();
    }
    const bytes = recordBytes(end - start);
    const tail = (this.#head + this.#count) & (this.#ring.length - 1);
    this.#ring[tail] = proposal;
    this.#sizes[tail] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Gives the pending writes the indexes from `firstIndex` on. */
  seal(firstIndex: number, term: number, timestampMs: number, prevChain: number): EntryBatch[] {
    if (this.#sealed === 0) {
      this.#headIndex = firstIndex;
    } else if (firstIndex !== this.#nextIndex) {
      this.#jumps.push({ number: this.#headNumber + this.#sealed, index: firstIndex });
    }
    this.#sealed += this.#builder.count;
    this.#term = term;
    this.#nextIndex = firstIndex + this.#builder.count;
    return this.#builder.seal(firstIndex, term, timestampMs, prevChain);
  }

  /**
   * Who waits for the entry of `term` at `index`, or null; entries must be asked for in index order. What is applied in
   * the turn in which the leadership is lost may be a successor's, in the place of what is waited for.
   */
  take(index: number, term: number): Proposal<R> | null {
    if (this.#sealed === 0 || index !== this.#headIndex || term !== this.#term) {
      return null;
    }
    this.#sealed--;
    this.#headIndex++;
    const proposal = this.#shift();
    if (this.#jumps.length > 0 && this.#jumps[0]?.number === this.#headNumber) {
      this.#headIndex = this.#jumps.shift()?.index ?? 0;
    }
    return proposal;
  }

  /** Ends the waits for entries that have an index; the others go on waiting for one. */
  failSealed(error: RaftError): void {
    const sealed = this.#sealed;
    this.#sealed = 0;
    this.#jumps.length = 0;
    for (let i = 0; i < sealed; i++) {
      this.#shift()?.fail(error);
    }
  }

  /** Ends every wait: `pendingError` for writes without an index, `sealedError` for the others. */
  failAll(pendingError: RaftError, sealedError: RaftError): void {
    const sealed = this.#sealed;
    const count = this.#count;
    this.#builder.discard();
    this.#sealed = 0;
    this.#jumps.length = 0;
    for (let i = 0; i < count; i++) {
      this.#shift()?.fail(i < sealed ? sealedError : pendingError);
    }
  }

  #shift(): Proposal<R> | null {
    const head = this.#head;
    const proposal = this.#ring[head] ?? null;
    this.#ring[head] = null;
    this.#bytes -= this.#sizes[head] ?? 0;
    this.#head = (head + 1) & (this.#ring.length - 1);
    this.#headNumber++;
    this.#count--;
    return proposal;
  }

  #grow(): void {
    const old = this.#ring;
    const oldSizes = this.#sizes;
    const ring = emptyRing<R>(old.length * 2);
    const sizes = zeros(old.length * 2);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#head + i) & (old.length - 1);
      ring[i] = old[from] ?? null;
      sizes[i] = oldSizes[from] ?? 0;
    }
    this.#ring = ring;
    this.#sizes = sizes;
    this.#head = 0;
  }
}

function emptyRing<R>(length: number): (Proposal<R> | null)[] {
  return Array.from({ length }, () => null);
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}
