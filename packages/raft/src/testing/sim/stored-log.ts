import { crc32, readUint64, writeUint64 } from "@dt/codec";
import { type ConfigEntry, LOG_START, type LogBase } from "../../core/log-state.ts";
import type { HardState, Write } from "../../core/output.ts";
import { type EntryBatch, scanRecords } from "../../entry/entry-batch.ts";
import {
  EntryType,
  RECORD_HEADER_BYTES,
  recordHeaderCrc,
  recordLength,
  recordTerm,
  recordTimestamp,
  recordType,
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
  /** The entry before the first record. */
  #base: LogBase = LOG_START;
  /** One record per entry; the entry with index i is at i - 1 - base.index. */
  #records: Buffer[] = [];
  /** What the records say of themselves, because everybody asks for it all the time. */
  #terms: number[] = [];
  #chains: number[] = [];
  /** What a reader finds instead of a record, by index; the true one is kept for `repair`. */
  readonly #damaged = new Map<number, Buffer>();
  #hardState: Buffer = encodeHardState({ term: 0, vote: 0, commitIndex: 0 });

  get lastIndex(): number {
    return this.#base.index + this.#records.length;
  }

  /** First index that is here; `lastIndex + 1` for none. */
  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastTerm(): number {
    return this.termAt(this.lastIndex);
  }

  get lastChain(): number {
    return this.chainAt(this.lastIndex);
  }

  get hardState(): HardState {
    return decodeHardState(this.#hardState);
  }

  /** Term of an entry, or of the one before the first. */
  termAt(index: number): number {
    return index === this.#base.index ? this.#base.term : this.#known(this.#terms, index);
  }

  /** The value that stands for the whole log up to `index`. */
  chainAt(index: number): number {
    return index === this.#base.index ? this.#base.chain : this.#known(this.#chains, index);
  }

  recordAt(index: number): Buffer {
    return this.#known(this.#records, index);
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
      index >= this.firstIndex && index <= this.lastIndex + 1,
      "log",
      () => `truncation from ${index} in a log that ends at ${this.lastIndex}`,
    );
    const kept = index - this.firstIndex;
    this.#records.length = kept;
    this.#terms.length = kept;
    this.#chains.length = kept;
    for (const damaged of this.#damaged.keys()) {
      if (damaged >= index) {
        this.#damaged.delete(damaged);
      }
    }
  }

  /** Drops every entry and continues after `base`. */
  reset(base: LogBase): void {
    this.#base = base;
    this.#records = [];
    this.#terms = [];
    this.#chains = [];
    this.#damaged.clear();
  }

  /** Drops the entries below `beforeIndex`, none above the last. */
  dropHead(beforeIndex: number): void {
    const end = Math.min(beforeIndex - 1, this.lastIndex);
    if (end <= this.#base.index) {
      return;
    }
    const base = { index: end, term: this.termAt(end), chain: this.chainAt(end) };
    const dropped = end - this.#base.index;
    this.#records = this.#records.slice(dropped);
    this.#terms = this.#terms.slice(dropped);
    this.#chains = this.#chains.slice(dropped);
    this.#base = base;
    for (const damaged of this.#damaged.keys()) {
      if (damaged <= end) {
        this.#damaged.delete(damaged);
      }
    }
  }

  /** Adds a batch, or its first `count` entries. */
  append(batch: EntryBatch, count = Infinity): void {
    ensure(
      batch.firstIndex === this.lastIndex + 1 && batch.prevChain === this.lastChain,
      "log",
      () =>
        `batch ${batch.term}:${batch.firstIndex}..${batch.lastIndex} does not follow ` +
        `${this.lastTerm}:${this.lastIndex}`,
    );
    const { bytes } = batch;
    let at = 0;
    for (let left = count; at < bytes.length && left > 0; left--) {
      const end = at + storedBytes(recordLength(bytes, at));
      this.#records.push(Buffer.from(bytes.subarray(at, end)));
      this.#terms.push(recordTerm(bytes, at));
      this.#chains.push(recordHeaderCrc(bytes, at));
      at = end;
    }
  }

  /** All of one write, in its order: hard state, reset, truncation, entries. */
  apply(write: Write): void {
    this.applyPart(write, Infinity);
  }

  /** The first `steps` steps of a write: hard state, reset, truncation and each entry count as one. */
  applyPart(write: Write, steps: number): void {
    let left = steps;
    if (write.hardState !== null && left-- > 0) {
      this.setHardState(write.hardState);
    }
    if (write.reset !== null && left-- > 0) {
      this.reset(write.reset);
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
    const batches = this.#scan(this.firstIndex, this.lastIndex);
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
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
      lastChain: this.lastChain,
      termRuns,
      prevIndex: this.#base.index,
      prevTerm: this.#base.term,
      prevChain: this.#base.chain,
      configs: this.#configs(),
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

  /** First index whose entry is stamped at or after `timestampMs`; one above the last for none. */
  firstIndexAtOrAfter(timestampMs: number): number {
    const at = this.#records.findIndex((record) => recordTimestamp(record, 0) >= timestampMs);
    return at < 0 ? this.lastIndex + 1 : this.firstIndex + at;
  }

  /** A copy that changes independently. */
  clone(): StoredLog {
    const copy = new StoredLog();
    copy.#base = this.#base;
    copy.#records = this.#records.slice();
    copy.#terms = this.#terms.slice();
    copy.#chains = this.#chains.slice();
    for (const [index, bytes] of this.#damaged) {
      copy.#damaged.set(index, bytes);
    }
    copy.#hardState = this.#hardState;
    return copy;
  }

  #known<T>(of: readonly T[], index: number): T {
    const found = of[index - 1 - this.#base.index];
    ensure(
      found !== undefined,
      "log",
      () => `no entry ${index} in a log from ${this.firstIndex} to ${this.lastIndex}`,
    );
    return found;
  }

  #configs(): ConfigEntry[] {
    const configs: ConfigEntry[] = [];
    for (const [i, record] of this.#records.entries()) {
      if (recordType(record, 0) === EntryType.config) {
        const payload = record.subarray(RECORD_HEADER_BYTES, recordLength(record, 0));
        configs.push({ index: this.firstIndex + i, term: recordTerm(record, 0), payload });
      }
    }
    return configs;
  }

  /** Null when what is read does not parse; only damage may be the reason. */
  #scan(firstIndex: number, lastIndex: number): EntryBatch[] | null {
    const records = this.#records.slice(firstIndex - this.firstIndex, lastIndex - this.#base.index);
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
    ensure(run.fault === null || isDamaged, "log", () => `stored bytes do not parse: ${fault}`);
    ensure(
      run.fault !== null || !isDamaged,
      "log",
      () => `damage in ${firstIndex}.. is not noticed`,
    );
    return run.fault === null ? run.batches : null;
  }
}

/** Steps of a write that a crash may cut between, see `StoredLog.applyPart`. */
export function writeSteps(write: Write): number {
  let steps = (write.hardState === null ? 0 : 1) + (write.truncateFrom > 0 ? 1 : 0);
  steps += write.reset === null ? 0 : 1;
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
