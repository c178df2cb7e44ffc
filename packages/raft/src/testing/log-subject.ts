import assert from "node:assert/strict";
import type { HardState, Write } from "../core/output.ts";
import { BatchBuilder } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType, INITIAL_CHAIN } from "../entry/record.ts";
import type { LogState, RaftLog } from "../log/raft-log.ts";
import type { CaseSubject, LogStorage } from "./conformance-cases.ts";

export interface ExpectedEntry {
  readonly term: number;
  readonly chain: number;
  readonly batch: EntryBatch;
}

/** The log under test, and what it should hold. */
export class LogSubject implements CaseSubject {
  readonly storage: LogStorage;
  readonly #builder = new BatchBuilder(1 << 16);
  #log: RaftLog | null = null;
  #sequence = 0;
  #term = 0;
  /** The entry with index i is at i - 1. */
  #expected: readonly ExpectedEntry[] = [];

  constructor(storage: LogStorage) {
    this.storage = storage;
  }

  get log(): RaftLog {
    assert.ok(this.#log !== null);
    return this.#log;
  }

  get expected(): readonly ExpectedEntry[] {
    return this.#expected;
  }

  set expected(entries: readonly ExpectedEntry[]) {
    this.#expected = entries;
  }

  get lastIndex(): number {
    return this.#expected.length;
  }

  async open(): Promise<LogState> {
    this.#log = this.storage.log();
    return this.#log.open();
  }

  async reopen(): Promise<LogState> {
    await this.close();
    return this.open();
  }

  async close(): Promise<void> {
    await this.log.close();
  }

  /** Entries that follow the expected ones, one batch each; they are expected from now on. */
  entries(term: number, payloads: readonly Buffer[]): EntryBatch[] {
    return payloads.map((payload) => {
      this.#builder.add(EntryType.normal, 1, payload, 0, payload.length);
      const chain = this.#expected.at(-1)?.chain ?? INITIAL_CHAIN;
      const [batch] = this.#builder.seal(this.lastIndex + 1, term, 1_700_000_000_000, chain);
      assert.ok(batch !== undefined);
      this.#expected = [...this.#expected, { term, chain: batch.chain, batch }];
      return batch;
    });
  }

  /** Makes the expected log end before `index`. */
  cutBefore(index: number): number {
    this.#expected = this.#expected.slice(0, index - 1);
    return index;
  }

  write(
    batches: readonly EntryBatch[],
    hardState: HardState | null = null,
    truncateFrom = 0,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.log.write(this.makeWrite(batches, hardState, truncateFrom), (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  }

  /** As the core's writes are: a new term comes with its hard state. */
  makeWrite(
    batches: readonly EntryBatch[],
    hardState: HardState | null = null,
    truncateFrom = 0,
  ): Write {
    const term = batches.at(-1)?.term ?? hardState?.term ?? this.#term;
    const raised = term > this.#term ? { term, vote: 0, commitIndex: 0 } : null;
    this.#term = Math.max(term, this.#term);
    const io = { term, sequence: ++this.#sequence };
    return { io, hardState: hardState ?? raised, reset: null, truncateFrom, batches };
  }

  /** Reads everything in as many steps as it takes and compares it with what is expected. */
  async check(state: LogState | null = null): Promise<void> {
    const { lastIndex } = this;
    if (state !== null) {
      assert.equal(state.firstIndex, 1);
      assert.equal(state.lastIndex, lastIndex);
      assert.equal(state.lastChain, this.#expected.at(-1)?.chain ?? INITIAL_CHAIN);
      assert.deepEqual(state.termRuns, this.#termRuns());
    }
    for (let index = 1; index <= lastIndex;) {
      const batches = await this.log.read(index, lastIndex, 1 << 16);
      assert.ok(batches.length > 0, "a read gives at least one entry");
      this.checkBatches(batches, index);
      index = (batches.at(-1) as EntryBatch).lastIndex + 1;
    }
  }

  /** Checks that the batches are the expected entries from `firstIndex` on. */
  checkBatches(batches: readonly EntryBatch[], firstIndex: number): void {
    let index = firstIndex;
    for (const batch of batches) {
      assert.equal(batch.firstIndex, index);
      assert.equal(batch.prevChain, this.#expected[index - 2]?.chain ?? INITIAL_CHAIN);
      const range = this.#expected.slice(index - 1, batch.lastIndex);
      assert.ok(
        range.every((entry) => entry.term === batch.term),
        "a batch has one term",
      );
      assert.deepEqual(batch.bytes, Buffer.concat(range.map((entry) => entry.batch.bytes)));
      assert.equal(batch.chain, range.at(-1)?.chain);
      index = batch.lastIndex + 1;
    }
  }

  #termRuns(): LogState["termRuns"] {
    const runs: { firstIndex: number; term: number }[] = [];
    for (const [i, { term }] of this.#expected.entries()) {
      if (runs.at(-1)?.term !== term) {
        runs.push({ firstIndex: i + 1, term });
      }
    }
    return runs;
  }
}
