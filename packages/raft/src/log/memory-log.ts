import { LOG_START, type LogBase } from "../core/log-state.ts";
import type { HardState, Write } from "../core/output.ts";
import { type EntryBatch, recordOffset, sliceBatch } from "../entry/entry-batch.ts";
import { recordLength, recordTimestamp, storedBytes } from "../entry/record.ts";
import { configsOf } from "./batch-configs.ts";
import { COMPACTED_CODE, type LogState, type RaftLog, type TermRun } from "./raft-log.ts";

/** Why a `MemoryLog` refused; the codes are those every `RaftLog` uses. */
export type MemoryLogCode =
  | "DT_LOG_CLOSED"
  | "DT_LOG_GAP"
  | "DT_LOG_NOT_FOUND"
  | typeof COMPACTED_CODE;

export class MemoryLogError extends Error {
  override readonly name = "MemoryLogError" as const;
  readonly code: MemoryLogCode;

  constructor(code: MemoryLogCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

export interface MemoryLogOptions {
  /** Runs a task soon, after the current one, in the order of the calls. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void;
}

interface Outcome {
  readonly done: (error: Error | null) => void;
  readonly error: MemoryLogError | null;
}

/**
 * A log that lives as long as its object: for tests, simulations and groups that may forget. It can
 * be opened again after `close` and then holds what it held, as a restarted process finds its disk.
 */
export class MemoryLog implements RaftLog {
  readonly #defer: (task: () => void) => void;
  /** The entry before the first batch. */
  #base: LogBase = LOG_START;
  #batches: EntryBatch[] = [];
  #hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  #outcomes: Outcome[] = [];
  #isOpen = false;

  constructor(options: MemoryLogOptions = {}) {
    this.#defer = options.defer ?? queueMicrotask;
  }

  open(): Promise<LogState> {
    this.#isOpen = true;
    const last = this.#batches.at(-1);
    return Promise.resolve({
      hardState: this.#hardState,
      firstIndex: this.firstIndex,
      lastIndex: this.#lastIndex(),
      lastChain: last?.chain ?? this.#base.chain,
      termRuns: termRuns(this.#batches),
      prevIndex: this.#base.index,
      prevTerm: this.#base.term,
      prevChain: this.#base.chain,
      configs: this.#batches.flatMap(configsOf),
    });
  }

  get firstIndex(): number {
    return this.#base.index + 1;
  }

  write(write: Write, done: (error: Error | null) => void): void {
    const error = this.#isOpen ? this.#apply(write) : closedError();
    this.#outcomes.push({ done, error });
    if (this.#outcomes.length === 1) {
      this.#defer(() => this.#report());
    }
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    if (!this.#isOpen) {
      return Promise.reject(closedError());
    }
    if (firstIndex > 0 && firstIndex < this.firstIndex) {
      const detail = `${firstIndex} in a log that starts at ${this.firstIndex}`;
      return Promise.reject(new MemoryLogError(COMPACTED_CODE, detail));
    }
    if (firstIndex < 1 || firstIndex > lastIndex || lastIndex > this.#lastIndex()) {
      const detail = `${firstIndex} to ${lastIndex} in a log that ends at ${this.#lastIndex()}`;
      return Promise.reject(new MemoryLogError("DT_LOG_NOT_FOUND", detail));
    }
    const found: EntryBatch[] = [];
    let bytes = 0;
    for (let i = this.#positionOf(firstIndex); i < this.#batches.length; i++) {
      const batch = this.#batches[i] as EntryBatch;
      const from = Math.max(batch.firstIndex, firstIndex);
      const part = fitting(batch, from, Math.min(batch.lastIndex, lastIndex), maxBytes - bytes);
      if (part === null && found.length > 0) {
        break;
      }
      const taken = part ?? sliceBatch(batch, from, from);
      found.push(taken);
      bytes += taken.bytes.length;
      if (taken.lastIndex < batch.lastIndex || taken.lastIndex === lastIndex) {
        break;
      }
    }
    return Promise.resolve(found);
  }

  termAt(index: number): number | null {
    if (index === this.#base.index) {
      return this.#base.term;
    }
    const isHere = index >= this.firstIndex && index <= this.#lastIndex();
    return isHere ? (this.#batches[this.#positionOf(index)]?.term ?? null) : null;
  }

  firstIndexAtOrAfter(timestampMs: number): Promise<number> {
    for (const { bytes, firstIndex } of this.#batches) {
      let index = firstIndex;
      for (let at = 0; at < bytes.length; at += storedBytes(recordLength(bytes, at))) {
        if (recordTimestamp(bytes, at) >= timestampMs) {
          return Promise.resolve(index);
        }
        index++;
      }
    }
    return Promise.resolve(this.#lastIndex() + 1);
  }

  dropHead(beforeIndex: number): void {
    const end = Math.min(beforeIndex - 1, this.#lastIndex());
    if (!this.#isOpen || end <= this.#base.index) {
      return;
    }
    const term = this.termAt(end) ?? 0;
    const chain = this.#chainAt(end) ?? 0;
    this.#batches = this.#batches.flatMap((batch) => {
      const from = Math.max(batch.firstIndex, end + 1);
      return from > batch.lastIndex ? [] : [sliceBatch(batch, from, batch.lastIndex)];
    });
    this.#base = { index: end, term, chain };
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    if (this.#outcomes.length > 0) {
      await new Promise<void>((resolve) => this.#defer(resolve));
    }
  }

  #apply(write: Write): MemoryLogError | null {
    const { reset, truncateFrom } = write;
    const lastIndex = reset === null ? this.#lastIndex() : reset.index;
    const keepTo = truncateFrom > 0 ? truncateFrom - 1 : lastIndex;
    let prev = keepTo;
    let chain = keepTo === reset?.index ? reset.chain : this.#chainAt(keepTo);
    for (const batch of write.batches) {
      if (batch.firstIndex !== prev + 1 || batch.prevChain !== chain) {
        const detail = `a batch from ${batch.firstIndex} after index ${prev}`;
        return new MemoryLogError("DT_LOG_GAP", detail);
      }
      prev = batch.lastIndex;
      chain = batch.chain;
    }
    if (chain === null) {
      const detail = `truncation from ${write.truncateFrom} after index ${this.#lastIndex()}`;
      return new MemoryLogError("DT_LOG_GAP", detail);
    }
    this.#hardState = write.hardState ?? this.#hardState;
    if (reset === null) {
      this.#truncateAfter(keepTo);
    } else {
      this.#base = reset;
      this.#batches = [];
    }
    this.#batches.push(...write.batches);
    return null;
  }

  #truncateAfter(index: number): void {
    let last = this.#batches.at(-1);
    while (last !== undefined && last.lastIndex > index) {
      this.#batches.pop();
      if (last.firstIndex <= index) {
        this.#batches.push(sliceBatch(last, last.firstIndex, index));
      }
      last = this.#batches.at(-1);
    }
  }

  #lastIndex(): number {
    return this.#batches.at(-1)?.lastIndex ?? this.#base.index;
  }

  /** Which of the batches holds an entry that is here. */
  #positionOf(index: number): number {
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#batches[middle] as EntryBatch).firstIndex <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** Chain of an entry or of the one before the first; null for an index that is not here. */
  #chainAt(index: number): number | null {
    if (index === this.#base.index) {
      return this.#base.chain;
    }
    const batch = this.#batches.findLast((each) => each.firstIndex <= index);
    return batch === undefined || batch.lastIndex < index
      ? null
      : sliceBatch(batch, batch.firstIndex, index).chain;
  }

  #report(): void {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (const { done, error } of outcomes) {
      done(error);
    }
  }
}

/** The longest part of a batch from `firstIndex` that takes at most `maxBytes`; null for none. */
function fitting(
  batch: EntryBatch,
  firstIndex: number,
  lastIndex: number,
  maxBytes: number,
): EntryBatch | null {
  const start = recordOffset(batch, firstIndex);
  let next = firstIndex;
  for (let at = start; next <= lastIndex; next++) {
    at += storedBytes(recordLength(batch.bytes, at));
    if (at - start > maxBytes) {
      break;
    }
  }
  return next === firstIndex ? null : sliceBatch(batch, firstIndex, next - 1);
}

function termRuns(batches: readonly EntryBatch[]): TermRun[] {
  const runs: TermRun[] = [];
  for (const { firstIndex, term } of batches) {
    if (runs.at(-1)?.term !== term) {
      runs.push({ firstIndex, term });
    }
  }
  return runs;
}

function closedError(): MemoryLogError {
  return new MemoryLogError("DT_LOG_CLOSED", "the log is not open");
}
