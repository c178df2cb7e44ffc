import assert from "node:assert/strict";
import type { LogBase } from "../core/log-state.ts";
import type { HardState, Write } from "../core/output.ts";
import { BatchBuilder } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType } from "../entry/record.ts";
import { COMPACTED_CODE, type LogState, type RaftLog } from "../log/raft-log.ts";
import {
  type CaseSubject,
  type ConformanceCase,
  type ConformanceRunner,
  type LogStorage,
  rejectsWithCode,
  runCases,
} from "./conformance-cases.ts";

/**
 * The cases about a log's head that every `RaftLog` must pass: entries that are dropped, a log that
 * continues after a snapshot, where terms, times and configurations are found. Payloads are small.
 */
export function runLogHeadConformance(
  runner: ConformanceRunner,
  create: () => Promise<LogStorage>,
): void {
  runCases(runner, create, CASES, (storage) => new HeadSubject(storage));
}

const TERM = 3;
const FIRST_STAMP_MS = 1_700_000_000_000;

/** A log whose entry i is stamped i times ten milliseconds after the first stamp. */
class HeadSubject implements CaseSubject {
  readonly #storage: LogStorage;
  readonly #builder = new BatchBuilder(1 << 16);
  #log: RaftLog | null = null;
  #sequence = 0;
  lastIndex = 0;
  /** Chain of the entry with index i at i. */
  readonly chains: number[] = [0];

  constructor(storage: LogStorage) {
    this.#storage = storage;
  }

  get log(): RaftLog {
    assert.ok(this.#log !== null);
    return this.#log;
  }

  open(): Promise<LogState> {
    this.#log = this.#storage.log();
    return this.#log.open();
  }

  async reopen(): Promise<LogState> {
    await this.close();
    return this.open();
  }

  close(): Promise<void> {
    return this.log.close();
  }

  /** The next `count` entries, one batch each, of `type`. */
  entries(count: number, type: EntryType = EntryType.normal, term = TERM): EntryBatch[] {
    return Array.from({ length: count }, () => {
      const index = this.lastIndex + 1;
      const payload = Buffer.from(`entry ${index}`.padEnd(100, "."));
      this.#builder.add(type, 0, payload, 0, payload.length);
      const chain = this.chains[index - 1] ?? 0;
      const [batch] = this.#builder.seal(index, term, FIRST_STAMP_MS + index * 10, chain);
      assert.ok(batch !== undefined);
      this.lastIndex = index;
      this.chains[index] = batch.chain;
      return batch;
    });
  }

  /** The log continues after `index` from here on. */
  resetTo(index: number, term: number): LogBase {
    const chain = 0xabc0_0000 + index;
    this.lastIndex = index;
    this.chains[index] = chain;
    return { index, term, chain };
  }

  write(
    batches: readonly EntryBatch[],
    reset: LogBase | null = null,
    hardState: HardState | null = null,
  ): Promise<void> {
    const term = batches.at(-1)?.term ?? TERM;
    const io = { term, sequence: ++this.#sequence };
    const first = this.#sequence === 1 ? { term, vote: 0, commitIndex: 0 } : null;
    const state = hardState ?? first;
    const write: Write = { io, hardState: state, reset, truncateFrom: 0, batches };
    return new Promise((resolve, reject) => {
      this.log.write(write, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Everything from the log's first index on is there, and nothing before it. */
  async check(): Promise<void> {
    const { log, lastIndex } = this;
    let next = log.firstIndex;
    if (next > 1) {
      await rejectsWithCode(log.read(next - 1, Math.max(next - 1, lastIndex), 100), COMPACTED_CODE);
    }
    while (next <= lastIndex) {
      const batches = await log.read(next, lastIndex, 1 << 16);
      assert.equal(batches[0]?.prevChain, this.chains[next - 1]);
      next = (batches.at(-1)?.lastIndex ?? lastIndex) + 1;
      assert.equal(batches.at(-1)?.chain, this.chains[next - 1]);
    }
  }

  checkState(state: LogState): void {
    const base = state.firstIndex - 1;
    assert.equal(state.lastIndex, this.lastIndex);
    assert.equal(state.lastChain, this.chains[this.lastIndex]);
    assert.equal(state.prevIndex, base);
    assert.equal(state.prevChain, this.chains[base]);
    assert.equal(this.log.termAt(base), state.prevTerm);
    assert.equal(this.log.firstIndex, state.firstIndex);
  }
}

const CASES: readonly ConformanceCase<HeadSubject>[] = [
  {
    name: "a head that may go is gone in part or whole, and what is behind it stays",
    async body(subject) {
      await subject.write(subject.entries(40));
      subject.log.dropHead(21);
      subject.checkState(await subject.reopen());
      assert.ok(subject.log.firstIndex <= 21);
      await subject.check();
      await subject.write(subject.entries(10));
      subject.log.dropHead(5);
      subject.log.dropHead(46);
      assert.ok(subject.log.firstIndex <= 46);
      await subject.check();
      const state = await subject.reopen();
      subject.checkState(state);
      assert.equal(state.termRuns[0]?.firstIndex, state.firstIndex);
      await subject.check();
    },
  },
  {
    name: "a head never takes entries that are not there yet",
    async body(subject) {
      await subject.write(subject.entries(5));
      subject.log.dropHead(100);
      assert.ok(subject.log.firstIndex <= 6);
      await subject.write(subject.entries(3));
      await subject.check();
      subject.checkState(await subject.reopen());
    },
  },
  {
    name: "a reset drops every entry and the log continues after it",
    async body(subject) {
      await subject.write(subject.entries(10));
      await subject.write([], subject.resetTo(100, 7), { term: 8, vote: 2, commitIndex: 0 });
      assert.equal(subject.log.firstIndex, 101);
      assert.equal(subject.log.termAt(100), 7);
      assert.equal(subject.log.termAt(10), null);
      await rejectsWithCode(subject.log.read(5, 8, 100), COMPACTED_CODE);
      const empty = await subject.reopen();
      subject.checkState(empty);
      assert.deepEqual([empty.lastIndex, empty.prevTerm, empty.termRuns.length], [100, 7, 0]);
      assert.deepEqual(empty.hardState, { term: 8, vote: 2, commitIndex: 0 });
      await subject.write(subject.entries(4, EntryType.normal, 8));
      const state = await subject.reopen();
      subject.checkState(state);
      assert.deepEqual(state.termRuns, [{ firstIndex: 101, term: 8 }]);
      await subject.check();
    },
  },
  {
    name: "a reset and what follows it come in one write, also to an index that was held",
    async body(subject) {
      await subject.write(subject.entries(30));
      const base = subject.resetTo(20, 5);
      const hardState = { term: 5, vote: 0, commitIndex: 0 };
      await subject.write(subject.entries(3, EntryType.normal, 5), base, hardState);
      subject.checkState(await subject.reopen());
      assert.equal(subject.log.firstIndex, 21);
      await subject.check();
    },
  },
  {
    name: "a write that does not follow the reset is refused",
    async body(subject) {
      await subject.write(subject.entries(3));
      const next = subject.entries(1);
      subject.lastIndex = 3;
      await rejectsWithCode(subject.write(next, { index: 50, term: 5, chain: 1 }), "DT_LOG_GAP");
      await subject.check();
    },
  },
  {
    name: "terms, times and configurations are found",
    async body(subject) {
      const { log } = subject;
      await subject.write([
        ...subject.entries(4, EntryType.normal, 3),
        ...subject.entries(1, EntryType.config, 3),
        ...subject.entries(5, EntryType.normal, 4),
        ...subject.entries(1, EntryType.config, 4),
        ...subject.entries(2, EntryType.normal, 4),
      ]);
      const terms = [0, 1, 5, 6, 13, 14].map((index) => log.termAt(index));
      assert.deepEqual(terms, [0, 3, 3, 4, 4, null]);
      for (const [afterMs, index] of [
        [-5, 1],
        [70, 7],
        [75, 8],
        [130, 13],
        [131, 14],
      ] as const) {
        assert.equal(await log.firstIndexAtOrAfter(FIRST_STAMP_MS + afterMs), index);
      }
      const { configs } = await subject.reopen();
      assert.deepEqual(
        configs.map(({ index, term }) => [index, term]),
        [
          [5, 3],
          [11, 4],
        ],
      );
      assert.ok(configs[0]?.payload.toString().startsWith("entry 5."));
    },
  },
];
