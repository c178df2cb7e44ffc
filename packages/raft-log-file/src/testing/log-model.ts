import type { HardState, LogState, RaftLog, Write } from "@dt/raft";
import assert from "node:assert/strict";
import { readRecords, recordsOf, store } from "./entry-maker.ts";

/** What a log holds: the hard state, and the record of index i at i - 1, from the first index on. */
export interface LogContent {
  readonly hardState: HardState;
  readonly firstIndex: number;
  readonly records: readonly Buffer[];
}

const EMPTY: LogContent = {
  hardState: { term: 0, vote: 0, commitIndex: 0 },
  firstIndex: 1,
  records: [],
};

/** What a log must hold: what it acknowledged, and what it was asked to do since. */
export class LogModel {
  #acked: LogContent = EMPTY;
  /** The log may begin here, or before. */
  #headIndex = 1;
  #pending: Write[] = [];

  get acked(): LogContent {
    return this.#acked;
  }

  /** Gives a write to the log; resolves when it is acknowledged, never when the power is cut before. */
  async write(log: RaftLog, write: Write): Promise<void> {
    this.#pending.push(write);
    await store(log, write);
    assert.equal(this.#pending.shift(), write, "acknowledged in the order of the calls");
    for (const content of steps(this.#acked, write)) {
      this.#acked = content;
    }
  }

  /** Another one that must hold the same, for a log that ends in more than one way. */
  copy(): LogModel {
    const copy = new LogModel();
    copy.#acked = this.#acked;
    copy.#headIndex = this.#headIndex;
    copy.#pending = [...this.#pending];
    return copy;
  }

  /** Lets the log drop entries. */
  dropHead(log: RaftLog, beforeIndex: number): void {
    this.#headIndex = beforeIndex;
    log.dropHead(beforeIndex);
  }

  /** Takes over what a log holds after a crash, once `check` has found it right. */
  adopt(content: LogContent): void {
    this.#acked = content;
    this.#pending = [];
  }

  /**
   * Checks that a reopened log holds what was acknowledged and, of what was not, nothing or a prefix
   * in the order of the calls: hard state, truncation, then entry by entry.
   */
  async check(log: RaftLog, state: LogState): Promise<LogContent> {
    const records = await readRecords(log, state.lastIndex);
    const { hardState, firstIndex } = state;
    const found: LogContent = { hardState, firstIndex, records };
    let content = this.#acked;
    if (this.#isSame(content, found)) {
      return found;
    }
    for (const write of this.#pending) {
      for (content of steps(content, write)) {
        if (this.#isSame(content, found)) {
          return found;
        }
      }
    }
    assert.fail(
      `the log holds ${describe(found)}; ${describe(this.#acked)} was acknowledged, ` +
        `and writes up to ${describe(content)} were under way`,
    );
  }

  #isSame(expected: LogContent, found: LogContent): boolean {
    const { firstIndex } = found;
    return (
      firstIndex >= expected.firstIndex &&
      firstIndex <= Math.max(expected.firstIndex, this.#headIndex) &&
      isSame(expected, found)
    );
  }
}

/** The contents that a write leads through. */
function* steps(before: LogContent, write: Write): Generator<LogContent> {
  let { hardState, firstIndex, records } = before;
  if (write.hardState !== null) {
    hardState = write.hardState;
    yield { hardState, firstIndex, records };
  }
  if (write.reset !== null) {
    firstIndex = write.reset.index + 1;
    records = Array.from({ length: write.reset.index }, () => NOTHING);
    yield { hardState, firstIndex, records };
  }
  if (write.truncateFrom > 0) {
    records = records.slice(0, write.truncateFrom - 1);
    yield { hardState, firstIndex, records };
  }
  for (const record of write.batches.flatMap(recordsOf)) {
    records = [...records, record];
    yield { hardState, firstIndex, records };
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/** True when the entries from the first index of `b` on are the same, and the hard state is. */
function isSame(a: LogContent, b: LogContent): boolean {
  return (
    a.records.length === b.records.length &&
    a.hardState.term === b.hardState.term &&
    a.hardState.vote === b.hardState.vote &&
    a.records.every((record, i) => i < b.firstIndex - 1 || record.equals(b.records[i] as Buffer))
  );
}

function describe(content: LogContent): string {
  const { hardState, records } = content;
  return `${content.firstIndex} to ${records.length} in term ${hardState.term} with vote ${hardState.vote}`;
}
