import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { HardState, Write } from "../../core/output.ts";
import { type EntryBatch, scanRecords } from "../../entry/entry-batch.ts";
import {
  INITIAL_CHAIN,
  recordHeaderCrc,
  recordLength,
  recordTerm,
  storedBytes,
} from "../../entry/record.ts";
import type { LogState, TermRun } from "../../log/raft-log.ts";
import { ensure } from "./sim-failure.ts";

const HARD_STATE_BYTES = 28;

/**
 * The content of one node's log: every entry as the bytes of its record, the hard state as bytes
 * with a checksum. What a restarted node gets is read back from these bytes.
 */
export class StoredLog {
  /** One record per entry; the entry with index i is at i - 1. */
  readonly #records: Buffer[] = [];
  /** What a reader finds instead of a record, by index; the true one is kept for `repair`. */
  readonly #damaged = new Map<number, Buffer>();
  #hardState: Buffer = encodeHardState({ term: 0, vote: 0, commitIndex: 0 });

  get lastIndex(): number {
    return this.#records.length;
  }

  get lastTerm(): number {
    return this.termAt(this.#records.length);
  }

  get lastChain(): number {
    return this.chainAt(this.#records.length);
  }

  get hardState(): HardState {
    return decodeHardState(this.#hardState);
  }

  /** Term of an entry; 0 for index 0. */
  termAt(index: number): number {
    return index === 0 ? 0 : recordTerm(this.recordAt(index), 0);
  }

  /** The value that stands for the whole log up to `index`. */
  chainAt(index: number): number {
    return index === 0 ? INITIAL_CHAIN : recordHeaderCrc(this.recordAt(index), 0);
  }

  recordAt(index: number): Buffer {
    const record = this.#records[index - 1];
    ensure(
      record !== undefined,
      "log",
      `no entry ${index} in a log that ends at ${this.lastIndex}`,
    );
    return record;
  }

  /** Whether reading any of the entries gives other bytes than were written. */
  get isDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  /** From now on readers of `index` find `bytes`, until it is written again or repaired. */
  damage(index: number, bytes: Buffer): void {
    this.recordAt(index);
    this.#damaged.set(index, bytes);
  }

  /** Puts back what was written. */
  repair(): void {
    this.#damaged.clear();
  }

  setHardState(state: HardState): void {
    this.#hardState = encodeHardState(state);
  }

  /** Drops the entries at and above `index`. */
  truncateFrom(index: number): void {
    ensure(
      index >= 1 && index <= this.lastIndex + 1,
      "log",
      `truncation from ${index} in a log that ends at ${this.lastIndex}`,
    );
    this.#records.length = index - 1;
    for (const damaged of this.#damaged.keys()) {
      if (damaged >= index) {
        this.#damaged.delete(damaged);
      }
    }
  }

  /** Adds a batch, or its first `count` entries. */
  append(batch: EntryBatch, count = Infinity): void {
    ensure(
      batch.firstIndex === this.lastIndex + 1 && batch.prevChain === this.lastChain,
      "log",
      `batch ${batch.term}:${batch.firstIndex}..${batch.lastIndex} does not follow ` +
        `${this.lastTerm}:${this.lastIndex}`,
    );
    const { bytes } = batch;
    let at = 0;
    for (let left = count; at < bytes.length && left > 0; left--) {
      const end = at + storedBytes(recordLength(bytes, at));
      this.#records.push(Buffer.from(bytes.subarray(at, end)));
      at = end;
    }
  }

  /** All of one write, in its order: hard state, truncation, entries. */
  apply(write: Write): void {
    this.applyPart(write, Infinity);
  }

  /** The first `steps` steps of a write: hard state, truncation and each entry count as one. */
  applyPart(write: Write, steps: number): void {
    let left = steps;
    if (write.hardState !== null && left-- > 0) {
      this.setHardState(write.hardState);
    }
    if (write.truncateFrom > 0 && left-- > 0) {
      this.truncateFrom(write.truncateFrom);
    }
    for (const batch of write.batches) {
      if (left <= 0) {
        return;
      }
      this.append(batch, left);
      left -= batch.lastIndex - batch.firstIndex + 1;
    }
  }

  /** What opening this log gives, scanned from the bytes; null when they are damaged. */
  open(): LogState | null {
    const batches = this.#scan(1, this.lastIndex);
    return batches === null ? null : this.#stateOf(batches);
  }

  /** What opening this log gives; it must not be damaged. */
  state(): LogState {
    const state = this.open();
    ensure(state !== null, "log", "stored bytes do not parse");
    return state;
  }

  #stateOf(batches: readonly EntryBatch[]): LogState {
    const termRuns: TermRun[] = batches.map(({ firstIndex, term }) => ({ firstIndex, term }));
    return {
      hardState: this.hardState,
      firstIndex: 1,
      lastIndex: this.lastIndex,
      lastChain: this.lastChain,
      termRuns,
    };
  }

  /**
   * Entries from `firstIndex`, at most to `lastIndex` and about `maxBytes`, at least one; null when
   * one of them is damaged.
   */
  read(firstIndex: number, lastIndex: number, maxBytes: number): EntryBatch[] | null {
    let end = firstIndex;
    let bytes = this.recordAt(firstIndex).length;
    while (end < Math.min(lastIndex, this.lastIndex)) {
      bytes += this.recordAt(end + 1).length;
      if (bytes > maxBytes) {
        break;
      }
      end++;
    }
    return this.#scan(firstIndex, end);
  }

  /** A copy that changes independently. */
  clone(): StoredLog {
    const copy = new StoredLog();
    copy.#records.push(...this.#records);
    for (const [index, bytes] of this.#damaged) {
      copy.#damaged.set(index, bytes);
    }
    copy.#hardState = this.#hardState;
    return copy;
  }

  /** Null when what is read does not parse; only damage may be the reason. */
  #scan(firstIndex: number, lastIndex: number): EntryBatch[] | null {
    const records = this.#records.slice(firstIndex - 1, lastIndex);
    let isDamaged = false;
    for (const [index, found] of this.#damaged) {
      if (index >= firstIndex && index <= lastIndex) {
        records[index - firstIndex] = found;
        isDamaged = true;
      }
    }
    const bytes = Buffer.concat(records);
    const prev = firstIndex - 1;
    const run = scanRecords(bytes, 0, bytes.length, prev, this.termAt(prev), this.chainAt(prev));
    const fault = JSON.stringify(run.fault);
    ensure(run.fault === null || isDamaged, "log", `stored bytes do not parse: ${fault}`);
    ensure(run.fault !== null || !isDamaged, "log", `damage in ${firstIndex}.. is not noticed`);
    return run.fault === null ? run.batches : null;
  }
}

/** Steps of a write that a crash may cut between, see `StoredLog.applyPart`. */
export function writeSteps(write: Write): number {
  let steps = (write.hardState === null ? 0 : 1) + (write.truncateFrom > 0 ? 1 : 0);
  for (const batch of write.batches) {
    steps += batch.lastIndex - batch.firstIndex + 1;
  }
  return steps;
}

function encodeHardState(state: HardState): Buffer {
  const bytes = Buffer.alloc(HARD_STATE_BYTES);
  writeUint64(bytes, 0, state.term);
  writeUint64(bytes, 8, state.vote);
  writeUint64(bytes, 16, state.commitIndex);
  bytes.writeUInt32BE(crc32(bytes, 0, 24), 24);
  return bytes;
}

function decodeHardState(bytes: Buffer): HardState {
  ensure(crc32(bytes, 0, 24) === bytes.readUInt32BE(24), "log", "hard state is damaged");
  return {
    term: readUint64(bytes, 0),
    vote: readUint64(bytes, 8),
    commitIndex: readUint64(bytes, 16),
  };
}
