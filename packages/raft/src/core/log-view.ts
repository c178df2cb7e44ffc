// Hot path: per batch. No closures, no promises.
import { type EntryBatch, sliceBatch } from "../entry/entry-batch.ts";
import { recordLength, storedBytes } from "../entry/record.ts";
import { invariant } from "./invariant.ts";
import type { LogBase } from "./log-state.ts";
import type { TermRuns } from "./term-runs.ts";

/** Below this many dropped slots the tail array is not moved together. */
const COMPACT_AFTER = 64;

/**
 * The log as the core sees it: the term of every entry, and the newest entries themselves.
 *
 * firstIndex - 1 <= tailFirstIndex - 1 <= lastIndex
 */
export class LogView {
  lastChain: number;
  readonly runs: TermRuns;
  /** Consecutive batches; those before `head` are dropped. */
  tail: (EntryBatch | null)[] = [];
  head = 0;
  tailBytes = 0;
  /** Index of the first entry in memory; `lastIndex + 1` when there is none. */
  tailFirstIndex: number;

  constructor(runs: TermRuns, lastChain: number) {
    this.lastChain = lastChain;
    this.runs = runs;
    this.tailFirstIndex = runs.lastIndex + 1;
  }

  get firstIndex(): number {
    return this.runs.firstIndex;
  }

  get lastIndex(): number {
    return this.runs.lastIndex;
  }

  get lastTerm(): number {
    const terms = this.runs.terms;
    return terms.length === 0 ? this.runs.prevTerm : (terms[terms.length - 1] as number);
  }

  termAt(index: number): number {
    return this.runs.termAt(index);
  }

  append(batch: EntryBatch): void {
    invariant(batch.firstIndex === this.lastIndex + 1, "an appended batch follows the last entry");
    invariant(batch.prevChain === this.lastChain, "an appended batch continues the chain");
    this.runs.append(batch.term, batch.lastIndex);
    this.tail.push(batch);
    this.tailBytes += batch.bytes.length;
    this.lastChain = batch.chain;
  }

  /**
   * Drops the entries at and above `index`. `chainBefore` is the chain of the entry before it as the
   * leader has it: memory may no longer hold that entry.
   */
  truncate(index: number, chainBefore: number): void {
    while (this.tail.length > this.head) {
      const batch = this.tail[this.tail.length - 1] as EntryBatch;
      if (batch.lastIndex < index) {
        break;
      }
      this.tail.pop();
      this.tailBytes -= batch.bytes.length;
      if (batch.firstIndex < index) {
        const kept = sliceBatch(batch, batch.firstIndex, index - 1);
        this.tail.push(kept);
        this.tailBytes += kept.bytes.length;
      }
    }
    this.runs.truncate(index);
    if (this.tail.length > this.head) {
      const last = this.tail[this.tail.length - 1] as EntryBatch;
      invariant(last.chain === chainBefore, "equal terms at an index mean equal logs up to there");
    } else {
      this.tailFirstIndex = index;
    }
    this.lastChain = chainBefore;
  }

  /**
   * Entries `firstIndex..lastIndex` as far as `maxBytes` allows, at least one; null when memory does
   * not hold `firstIndex` any more. Batches are cut only where a limit asks for it.
   */
  slice(firstIndex: number, lastIndex: number, maxBytes: number): EntryBatch[] | null {
    if (firstIndex < this.tailFirstIndex) {
      return null;
    }
    const batches: EntryBatch[] = [];
    const end = Math.min(lastIndex, this.lastIndex);
    if (firstIndex > end) {
      return batches;
    }
    let left = maxBytes;
    for (let at = this.#slotOf(firstIndex); at < this.tail.length; at++) {
      const batch = this.tail[at] as EntryBatch;
      if (batch.firstIndex > end) {
        break;
      }
      const from = Math.max(batch.firstIndex, firstIndex);
      let part = sliceBatch(batch, from, Math.min(batch.lastIndex, end));
      if (part.bytes.length > left) {
        const fitting = lastFitting(part, left);
        if (fitting < from && batches.length > 0) {
          break;
        }
        part = sliceBatch(part, from, Math.max(fitting, from));
        batches.push(part);
        break;
      }
      batches.push(part);
      left -= part.bytes.length;
    }
    return batches;
  }

  /** Batches at and above `index`, where a batch starts. */
  batchesFrom(index: number): EntryBatch[] {
    return index > this.lastIndex ? [] : (this.tail.slice(this.#slotOf(index)) as EntryBatch[]);
  }

  /** Forgets the oldest batches beyond `maxBytes` that end at or below `index`. */
  trim(index: number, maxBytes: number): void {
    while (this.tailBytes > maxBytes && this.head < this.tail.length) {
      const batch = this.tail[this.head] as EntryBatch;
      if (batch.lastIndex > index) {
        break;
      }
      this.tail[this.head] = null;
      this.head++;
      this.tailBytes -= batch.bytes.length;
      this.tailFirstIndex = batch.lastIndex + 1;
    }
    if (this.head >= COMPACT_AFTER && this.head * 2 >= this.tail.length) {
      this.tail.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The log dropped the entries below `firstIndex`; what memory holds of them stays known. */
  dropHead(firstIndex: number): void {
    const first = Math.min(firstIndex, this.tailFirstIndex);
    if (first > this.firstIndex) {
      this.runs.dropHead(first);
    }
  }

  /** Drops everything and continues after `base`. */
  reset(base: LogBase): void {
    this.runs.reset(base.index, base.term);
    this.lastChain = base.chain;
    this.tail = [];
    this.head = 0;
    this.tailBytes = 0;
    this.tailFirstIndex = base.index + 1;
  }

  clone(): LogView {
    const copy = new LogView(this.runs.clone(), this.lastChain);
    copy.tail = this.tail.slice(this.head);
    copy.tailBytes = this.tailBytes;
    copy.tailFirstIndex = this.tailFirstIndex;
    return copy;
  }

  assertInvariants(): void {
    this.runs.assertInvariants();
    let next = this.tailFirstIndex;
    let bytes = 0;
    for (let at = this.head; at < this.tail.length; at++) {
      const batch = this.tail[at] as EntryBatch;
      invariant(batch.firstIndex === next, "the tail has no gap");
      invariant(this.termAt(batch.firstIndex) === batch.term, "runs and tail agree");
      invariant(this.termAt(batch.lastIndex) === batch.term, "runs and tail agree");
      next = batch.lastIndex + 1;
      bytes += batch.bytes.length;
    }
    invariant(next === this.lastIndex + 1, "the tail ends where the log ends");
    invariant(bytes === this.tailBytes, "the tail's bytes are counted");
  }

  /** Slot of the batch that holds `index`, an index in memory. */
  #slotOf(index: number): number {
    let low = this.head;
    let high = this.tail.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.tail[middle] as EntryBatch).firstIndex <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}

/** Last index of `batch` such that everything up to it takes at most `maxBytes`. */
function lastFitting(batch: EntryBatch, maxBytes: number): number {
  let end = 0;
  for (let index = batch.firstIndex; index <= batch.lastIndex; index++) {
    end += storedBytes(recordLength(batch.bytes, end));
    if (end > maxBytes) {
      return index - 1;
    }
  }
  return batch.lastIndex;
}
