// Hot path: per applied entry. No closures, no promises, no views.
import { readUint64 } from "@dt/codec";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType, RECORD_HEADER_BYTES, storedBytes } from "../entry/record.ts";

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

  reset(batch: EntryBatch): void {
    this.buf = batch.bytes;
    this.term = batch.term;
    this.index = batch.firstIndex - 1;
    this.count = 0;
    this.#at = 0;
    this.#indexAt = batch.firstIndex;
    this.#first = 0;
    this.#isDense = true;
  }

  /** Moves to the next normal entry; false when there is none. */
  next(): boolean {
    const { buf } = this;
    let at = this.#at;
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
    }
    this.#at = at;
    return false;
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
