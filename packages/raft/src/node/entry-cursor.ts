// Hot path: per applied entry. No closures, no promises, no views.
import { readUint64 } from "@dt/codec";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { SESSION_PREFIX_BYTES } from "../entry/session-prefix.ts";
import { EntryType, RECORD_HEADER_BYTES, storedBytes } from "../entry/record.ts";

/** Decides about SESSION entries. */
export interface SessionGate {
  admits(buf: Buffer, start: number, end: number, index: number, timestampMs: number): boolean;
}

/**
 * Walks the normal entries of one batch; no-ops and configurations are stepped over. The fields describe the
 * entry that `next` stopped at. `[start, end)` of `buf` is its payload, valid until the cursor is moved to
 * another batch.
 */
export class EntryCursor {
  index = 0;
  term = 0;
  timestampMs = 0;
  bizType = 0;
  buf: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Normal entries stopped at so far. */
  count = 0;
  #at = 0;
  #indexAt = 0;
  #first = 0;
  #isDense = true;
  /** Looks at SESSION entries first; null = they are stepped over. */
  readonly #gate: SessionGate | null;
  /** SESSION entries of this batch that were met. */
  sessionCount = 0;
  /** After an admitted SESSION entry: its result is settled before the next entry is looked at. */
  #isHeld = false;

  constructor(gate: SessionGate | null = null) {
    this.#gate = gate;
  }

  reset(batch: EntryBatch): void {
    this.buf = batch.bytes;
    this.term = batch.term;
    this.index = batch.firstIndex - 1;
    this.count = 0;
    this.#at = 0;
    this.#indexAt = batch.firstIndex;
    this.#first = 0;
    this.#isDense = true;
    this.sessionCount = 0;
    this.#isHeld = false;
  }

  /** The entry stopped at last is a SESSION entry, and `next` gives no more until `resume`. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Goes on behind a SESSION entry; true when the batch is not at its end. */
  resume(): boolean {
    this.#isHeld = false;
    return this.#at < this.buf.length;
  }

  /** Moves to the next normal entry; false when there is none. */
  next(): boolean {
    const { buf } = this;
    let at = this.#at;
    if (this.#isHeld) {
      return false;
    }
    while (at < buf.length) {
      const length = buf.readUInt32BE(at);
      const type = buf[at + 8];
      const index = this.#indexAt++;
      const here = at;
      at += storedBytes(length);
      if (type === EntryType.normal) {
        this.#at = at;
        if (this.count === 0) {
          this.#first = index;
        } else if (index !== this.#first + this.count) {
          this.#isDense = false;
        }
        this.count++;
        this.index = index;
        this.bizType = buf.readUInt16BE(here + 10);
        this.timestampMs = readUint64(buf, here + 28);
        this.start = here + RECORD_HEADER_BYTES;
        this.end = here + length;
        return true;
      }
      if (type === EntryType.session && this.#gate !== null) {
        this.#isDense = false;
        this.sessionCount++;
        if (this.#isAdmitted(this.#gate, here, length, index)) {
          this.#at = at;
          return true;
        }
      }
    }
    this.#at = at;
    return false;
  }

  #isAdmitted(gate: SessionGate, here: number, length: number, index: number): boolean {
    const { buf } = this;
    const start = here + RECORD_HEADER_BYTES;
    const timestampMs = readUint64(buf, here + 28);
    // For the report when the entry cannot be read.
    this.index = index;
    if (!gate.admits(buf, start, here + length, index, timestampMs)) {
      return false;
    }
    this.#isHeld = true;
    this.count++;
    this.bizType = buf.readUInt16BE(here + 10);
    this.timestampMs = timestampMs;
    this.start = start + SESSION_PREFIX_BYTES;
    this.end = here + length;
    return true;
  }

  /** Index of the first normal entry when all of them are consecutive, else 0. */
  get denseFirstIndex(): number {
    return this.#isDense && this.count > 0 ? this.#first : 0;
  }

  /** Drops the reference to the batch. */
  release(): void {
    this.buf = EMPTY_BUFFER;
  }
}

const EMPTY_BUFFER: Buffer = Buffer.alloc(0);
