import type { RaftLog } from "@dt/raft";
import { SimRandom } from "@dt/raft/testing";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "vitest";
import { cutAt } from "./crash.ts";
import { newDisk, openOn } from "./disk-log.ts";
import { EntryMaker, readRecords } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";
import { type FaultyDisk, randomCrash } from "../src/testing/index.ts";

type Step =
  | { readonly kind: "append"; readonly sizes: readonly number[]; readonly wait: boolean }
  | { readonly kind: "truncate"; readonly part: number; readonly size: number }
  | { readonly kind: "vote"; readonly vote: number }
  | { readonly kind: "read"; readonly part: number; readonly maxBytes: number }
  | { readonly kind: "reopen" }
  | { readonly kind: "kill" }
  | {
      readonly kind: "powerCut";
      readonly after: number;
      readonly bytes: number;
      readonly seed: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      sizes: fc.array(fc.oneof(fc.nat(300), fc.nat(6000)), { minLength: 1, maxLength: 6 }),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("truncate" as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      size: fc.integer({ min: -1, max: 2000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("vote" as const), vote: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.nat(9000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("powerCut" as const),
      after: fc.nat(30),
      bytes: fc.nat(5000),
      seed: fc.nat(),
    }),
  },
);

/** A node's work with its log: every write is the core's, and the process dies now and then. */
class Life {
  #disk: FaultyDisk = newDisk();
  #maker = new EntryMaker();
  readonly #model = new LogModel();
  #term = 1;
  #crashSeed = 0;
  #log: RaftLog | null = null;

  async run(steps: readonly Step[]): Promise<void> {
    await this.#open();
    for (const each of steps) {
      await Promise.race([this.#take(each), this.#disk.whenOff]);
      if (this.#disk.isOff) {
        await this.#recover();
      }
    }
    this.#disk.fault = () => null;
    await this.#restart();
  }

  async #take(each: Step): Promise<void> {
    const log = this.#log as RaftLog;
    const maker = this.#maker;
    switch (each.kind) {
      case "append": {
        const payloads = each.sizes.map((size) => Buffer.alloc(size, maker.lastIndex + 1));
        const written = this.#model.write(log, maker.write(maker.entries(this.#term, payloads)));
        return each.wait ? written : undefined;
      }
      case "truncate": {
        const from = maker.cutFrom(1 + Math.floor(maker.lastIndex * each.part));
        const hardState = { term: ++this.#term, vote: 0, commitIndex: 0 };
        const batches = each.size < 0 ? [] : maker.filled(this.#term, 2, each.size);
        return this.#model.write(log, maker.write(batches, from, hardState));
      }
      case "vote": {
        const hardState = { term: ++this.#term, vote: each.vote, commitIndex: 0 };
        return this.#model.write(log, maker.write([], 0, hardState));
      }
      case "read":
        return this.#read(each.part, each.maxBytes);
      case "reopen":
        return this.#restart();
      case "kill":
        this.#disk = this.#disk.afterKill();
        return this.#open();
      case "powerCut":
        this.#crashSeed = each.seed;
        cutAt(this.#disk, each.after, each.bytes);
        return undefined;
    }
  }

  /** Reads a range of what is acknowledged and compares it. */
  async #read(part: number, maxBytes: number): Promise<void> {
    const { records } = this.#model.acked;
    if (records.length === 0) {
      return;
    }
    const first = Math.min(records.length, 1 + Math.floor(records.length * part));
    const batches = await (this.#log as RaftLog).read(first, records.length, maxBytes);
    const bytes = Buffer.concat(batches.map((batch) => batch.bytes));
    const expected = Buffer.concat(records.slice(first - 1)).subarray(0, bytes.length);
    assert.deepEqual(bytes, expected);
    assert.ok(bytes.length <= maxBytes || bytes.length === records[first - 1]?.length);
  }

  async #restart(): Promise<void> {
    await this.#log?.close();
    assert.equal(this.#disk.openFiles, 0);
    await this.#open();
    assert.deepEqual(
      await readRecords(this.#log as RaftLog, this.#maker.lastIndex),
      this.#maker.records,
    );
  }

  async #recover(): Promise<void> {
    const random = new SimRandom(this.#crashSeed);
    this.#disk = this.#disk.crash(randomCrash(random, random.pick([0, 0.3, 0.5, 0.9, 1])));
    await this.#open();
  }

  async #open(): Promise<void> {
    const { log, state } = await openOn(this.#disk);
    const content = await this.#model.check(log, state);
    this.#model.adopt(content);
    this.#maker = new EntryMaker();
    this.#maker.records.push(...content.records);
    this.#term = Math.max(this.#term, content.hardState.term);
    if (content.hardState.term < this.#term) {
      // A new term begins as the core begins one: with its hard state.
      const hardState = { term: this.#term, vote: 0, commitIndex: 0 };
      const written = this.#model.write(log, this.#maker.write([], 0, hardState));
      await Promise.race([written, this.#disk.whenOff]);
    }
    this.#log = log;
  }
}

test("D1 D2 random lives with crashes never lose what was acknowledged", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      await new Life().run(steps);
    }),
    { numRuns: 150 },
  );
});
