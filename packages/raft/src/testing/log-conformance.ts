import assert from "node:assert/strict";
import type { HardState } from "../core/output.ts";
import { INITIAL_CHAIN } from "../entry/record.ts";
import {
  type ConformanceCase,
  type ConformanceRunner,
  type LogStorage,
  rejectsWithCode,
  runCases,
} from "./conformance-cases.ts";
import { LogSubject } from "./log-subject.ts";

/**
 * The cases that every `RaftLog` must pass, for authors of logs: what comes back, in which order
 * writes are reported, what is refused. It says nothing about crashes, which only the log's author
 * can cause. `create` makes a storage without entries; payloads go up to 64 KiB.
 */
export function runRaftLogConformance(
  runner: ConformanceRunner,
  create: () => Promise<LogStorage>,
): void {
  runCases(runner, create, CASES, (storage) => new LogSubject(storage));
}

const NO_STATE: HardState = { term: 0, vote: 0, commitIndex: 0 };

function filled(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(bytes, i + 1));
}

const CASES: readonly ConformanceCase<LogSubject>[] = [
  {
    name: "a new log is empty",
    async body(subject) {
      const state = await subject.reopen();
      assert.deepEqual(state, {
        hardState: NO_STATE,
        firstIndex: 1,
        lastIndex: 0,
        lastChain: INITIAL_CHAIN,
        termRuns: [],
        prevIndex: 0,
        prevTerm: 0,
        prevChain: INITIAL_CHAIN,
        configs: [],
      });
    },
  },
  {
    name: "entries come back byte for byte, also after a reopen",
    async body(subject) {
      await subject.write(subject.entries(1, filled(5, 100)));
      await subject.write(subject.entries(1, filled(3, 33)));
      await subject.check();
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "payloads of every alignment and up to 64 KiB come back",
    async body(subject) {
      for (const bytes of [0, 1, 7, 8, 9, 15, 16, 17, 4055, 4056, 4057, 65_535, 65_536]) {
        await subject.write(subject.entries(1, filled(1, bytes)));
      }
      await subject.check();
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "a write is never reported before the call returns, and writes are reported in order",
    async body(subject) {
      const reports: number[] = [];
      const queued: Promise<void>[] = [];
      for (let i = 0; i < 500; i++) {
        const hardState = i % 100 === 0 ? { term: 500, vote: i, commitIndex: 0 } : null;
        const write = subject.makeWrite(subject.entries(500, filled(1, i)), hardState);
        let hasReturned = false;
        queued.push(
          new Promise((resolve, reject) => {
            subject.log.write(write, (error) => {
              reports.push(i);
              if (error !== null || !hasReturned) {
                reject(error ?? new Error("reported too early"));
              } else {
                resolve();
              }
            });
          }),
        );
        hasReturned = true;
      }
      await Promise.all(queued);
      assert.deepEqual(
        reports,
        Array.from({ length: 500 }, (_, i) => i),
      );
      const state = await subject.reopen();
      await subject.check(state);
      assert.deepEqual(state.hardState, { term: 500, vote: 400, commitIndex: 0 });
    },
  },
  {
    name: "the hard state stays until a write brings another one",
    async body(subject) {
      const hardState = { term: 3, vote: 0xffff_ffff, commitIndex: 0 };
      await subject.write([], hardState);
      await subject.write(subject.entries(3, filled(2, 10)));
      assert.deepEqual((await subject.reopen()).hardState, hardState);
      const next = { term: 2 ** 40, vote: 0, commitIndex: 2 };
      await subject.write(subject.entries(2 ** 40, filled(1, 10)), next);
      const state = await subject.reopen();
      assert.deepEqual(state.hardState, next);
      await subject.check(state);
    },
  },
  {
    name: "a read stays inside its range and about its size, and gives at least one entry",
    async body(subject) {
      await subject.write(subject.entries(1, filled(50, 200)));
      for (const [firstIndex, lastIndex, maxBytes] of [
        [1, 1, 1 << 20],
        [7, 9, 1 << 20],
        [50, 50, 0],
        [3, 50, 1],
        [3, 50, 1000],
        [1, 50, 1 << 20],
      ] as const) {
        const batches = await subject.log.read(firstIndex, lastIndex, maxBytes);
        subject.checkBatches(batches, firstIndex);
        const last = batches.at(-1)?.lastIndex ?? 0;
        const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
        assert.ok(last >= firstIndex && last <= lastIndex);
        assert.ok(bytes <= maxBytes || last === firstIndex, `${bytes} bytes for ${maxBytes}`);
        assert.ok(maxBytes < 1 << 20 || last === lastIndex, "what fits is there");
      }
    },
  },
  {
    name: "a read outside the log is refused",
    async body(subject) {
      await rejectsWithCode(subject.log.read(1, 1, 100), "DT_LOG_NOT_FOUND");
      await subject.write(subject.entries(1, filled(3, 10)));
      await rejectsWithCode(subject.log.read(0, 2, 100), "DT_LOG_NOT_FOUND");
      await rejectsWithCode(subject.log.read(2, 4, 100), "DT_LOG_NOT_FOUND");
      await rejectsWithCode(subject.log.read(3, 2, 100), "DT_LOG_NOT_FOUND");
    },
  },
  {
    name: "terms are kept apart, in reads and in the term runs",
    async body(subject) {
      for (const term of [1, 1, 4, 4, 9]) {
        await subject.write(subject.entries(term, filled(3, 50)));
      }
      await subject.write([
        ...subject.entries(9, filled(1, 5)),
        ...subject.entries(10, filled(2, 5)),
      ]);
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "a truncation drops the entries from its index on and others take their place",
    async body(subject) {
      await subject.write(subject.entries(1, filled(20, 100)));
      const from = subject.cutBefore(11);
      await subject.write(subject.entries(2, filled(3, 60)), null, from);
      await subject.check();
      await rejectsWithCode(subject.log.read(14, 14, 100), "DT_LOG_NOT_FOUND");
      await subject.write(subject.entries(2, filled(30, 60)));
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "a truncation without entries holds",
    async body(subject) {
      await subject.write(subject.entries(1, filled(10, 100)));
      await subject.write([], { term: 2, vote: 0, commitIndex: 0 }, subject.cutBefore(6));
      await subject.check(await subject.reopen());
      await subject.write([], null, subject.cutBefore(1));
      await subject.check(await subject.reopen());
      await subject.write(subject.entries(3, filled(2, 100)));
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "a truncation at the end changes nothing",
    async body(subject) {
      await subject.write(subject.entries(1, filled(4, 100)));
      await subject.write(subject.entries(2, filled(1, 100)), null, 5);
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "entries that were dropped can come back",
    async body(subject) {
      const first = subject.entries(1, filled(9, 64));
      await subject.write(first);
      const from = subject.cutBefore(4);
      await subject.write(subject.entries(2, filled(2, 64)), null, from);
      subject.cutBefore(4);
      const again = subject.entries(1, filled(9, 64).slice(3));
      assert.deepEqual(again.at(-1)?.bytes, first.at(-1)?.bytes);
      await subject.write(again.slice(0, 2), null, 4);
      subject.cutBefore(6);
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "queued truncations and appends take effect in the order of the calls",
    async body(subject) {
      const queued: Promise<void>[] = [];
      for (let term = 1; term <= 12; term++) {
        const from = Math.max(1, subject.lastIndex - (term % 3) * 4);
        const truncateFrom = term % 2 === 0 ? subject.cutBefore(from) : 0;
        queued.push(subject.write(subject.entries(term, filled(6, term * 10)), null, truncateFrom));
      }
      await Promise.all(queued);
      await subject.check();
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "a write that does not follow the last entry is refused and changes nothing",
    async body(subject) {
      await subject.write(subject.entries(1, filled(5, 10)));
      const stored = subject.expected;
      const next = subject.entries(1, filled(2, 10));
      await rejectsWithCode(subject.write(next.slice(1)), "DT_LOG_GAP");
      await rejectsWithCode(subject.write([], null, 7), "DT_LOG_GAP");
      subject.cutBefore(6);
      const other = subject.entries(2, filled(1, 10));
      await rejectsWithCode(subject.write([...other, ...next.slice(1)]), "DT_LOG_GAP");
      await rejectsWithCode(subject.write(other, null, 3), "DT_LOG_GAP");
      subject.cutBefore(4);
      const branch = subject.entries(2, filled(2, 10));
      await rejectsWithCode(subject.write(branch.slice(1), null, 5), "DT_LOG_GAP");
      subject.expected = stored;
      await subject.write(subject.entries(3, filled(2, 10)));
      await subject.check(await subject.reopen());
    },
  },
  {
    name: "reads and writes go on beside each other",
    async body(subject) {
      await subject.write(subject.entries(1, filled(10, 500)));
      for (let round = 0; round < 20; round++) {
        const last = subject.lastIndex;
        const write = subject.write(subject.entries(1, filled(5, 500)));
        const batches = await subject.log.read(1, last, 1 << 20);
        subject.checkBatches(batches, 1);
        assert.equal(batches.at(-1)?.lastIndex, last);
        await write;
      }
    },
  },
  {
    name: "close finishes what is queued, and can be called again",
    async body(subject) {
      const queued = [1, 2, 3].map(() => subject.write(subject.entries(1, filled(4, 300))));
      await Promise.all([subject.log.close(), subject.log.close()]);
      await Promise.all(queued);
      await subject.log.close();
      await rejectsWithCode(subject.write([]), "DT_LOG_CLOSED");
      await rejectsWithCode(subject.log.read(1, 1, 10), "DT_LOG_CLOSED");
      await subject.check(await subject.reopen());
    },
  },
];
