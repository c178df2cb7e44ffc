import { describe, expect, test } from "vitest";
import type { IoId } from "../../core/input.ts";
import type { HardState, Write } from "../../core/output.ts";
import { singleEntry } from "../../entry/batch-builder.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import { EntryType } from "../../entry/record.ts";
import { EventQueue } from "./event-queue.ts";
import { preloadedLog } from "./preloaded-log.ts";
import { FAST_DISK, SimDisk } from "./sim-disk.ts";
import { SimRandom } from "./sim-random.ts";

interface Bench {
  readonly queue: EventQueue;
  readonly disk: SimDisk;
  readonly reported: number[];
  readonly done: (io: IoId) => void;
}

function bench(terms: readonly number[], timing = {}, seed = 1): Bench {
  const queue = new EventQueue();
  const content = preloadedLog(terms);
  const disk = new SimDisk(queue, new SimRandom(seed), content, { ...FAST_DISK, ...timing });
  const reported: number[] = [];
  return { queue, disk, reported, done: ({ sequence }) => void reported.push(sequence) };
}

function entry(disk: SimDisk, after: number, term: number): EntryBatch {
  const chain = disk.issued.chainAt(after);
  return singleEntry(EntryType.noop, Buffer.alloc(0), after + 1, term, 0, chain);
}

function write(
  sequence: number,
  batches: readonly EntryBatch[],
  hardState: HardState | null = null,
  truncateFrom = 0,
): Write {
  return { io: { term: 1, sequence }, hardState, reset: null, truncateFrom, batches };
}

describe("writes", () => {
  test("are readable at once and durable in order after their time", () => {
    const { queue, disk, reported, done } = bench([1], { syncMinMs: 10, syncMaxMs: 10 });
    disk.write(write(1, [entry(disk, 1, 1)]), done);
    disk.write(write(2, [entry(disk, 2, 1)]), done);
    disk.write(write(3, [entry(disk, 3, 1)]), done);
    expect([disk.issued.lastIndex, disk.durable.lastIndex]).toEqual([4, 1]);
    queue.runUntil(9);
    expect(reported).toEqual([]);
    queue.runUntil(10);
    expect([reported, disk.durable.lastIndex]).toEqual([[1], 2]);
    queue.runUntil(20);
    expect([reported, disk.durable.lastIndex]).toEqual([[1, 2, 3], 4]);
  });

  test("of one sync are reported by the last one where asked for", () => {
    const { queue, disk, reported, done } = bench([], { reportLast: true });
    for (let i = 1; i <= 3; i++) {
      disk.write(write(i, [entry(disk, i - 1, 1)]), done);
    }
    queue.runUntil(100);
    expect(reported).toEqual([1, 3]);
  });

  test("that do not follow the log are refused", () => {
    const { disk, done } = bench([1, 1]);
    expect(() => disk.write(write(1, [entry(disk, 1, 1)]), done)).toThrow(/does not follow/);
    expect(() => disk.write(write(1, [], null, 9), done)).toThrow(/truncation from 9/);
  });
});

describe("a death", () => {
  const state = { term: 3, vote: 2, commitIndex: 1 };

  test("by a stop keeps what was written, and reports nothing", () => {
    const { queue, disk, reported, done } = bench([1, 1]);
    disk.write(write(1, [entry(disk, 1, 3)], state, 2), done);
    disk.stop();
    queue.runUntil(100);
    expect(disk.durable.state()).toMatchObject({ hardState: state, lastIndex: 2 });
    expect(disk.durable.termAt(2)).toBe(3);
    expect(reported).toEqual([]);
  });

  test("by a crash keeps a beginning of what was under way, in its order", () => {
    const kept = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const { disk, done } = bench([1, 1], {}, seed);
      disk.write(write(1, [entry(disk, 1, 3)], state, 2), done);
      disk.write(write(2, [entry(disk, 2, 3)]), done);
      const lost = disk.crash();
      const { hardState, lastIndex, termRuns } = disk.durable.state();
      kept.add(`lost ${lost}: t${hardState.term} last ${lastIndex} in ${termRuns.length} terms`);
      expect(disk.issued.lastIndex).toBe(disk.durable.lastIndex);
    }
    expect([...kept].toSorted()).toEqual([
      "lost 0: t3 last 3 in 2 terms",
      "lost 1: t3 last 2 in 2 terms",
      "lost 2: t1 last 2 in 1 terms",
      "lost 2: t3 last 1 in 1 terms",
      "lost 2: t3 last 2 in 1 terms",
    ]);
  });

  test("leaves votes and entries known that were durable before", () => {
    const { queue, disk, done } = bench([1, 1]);
    const replaced = disk.durable.chainAt(2);
    disk.write(write(1, [entry(disk, 1, 3)], state, 2), done);
    queue.runUntil(100);
    expect([disk.durableVote(3), disk.durableVote(4)]).toEqual([2, 0]);
    expect(disk.everHeld(replaced)).toBe(true);
    expect(disk.everHeld(replaced + 1)).toBe(false);
  });
});

describe("a wipe", () => {
  test("leaves an empty disk, and to others what it had promised them", () => {
    const { queue, disk, reported, done } = bench([1, 1]);
    const chain = disk.durable.chainAt(2);
    disk.write(write(1, [], { term: 2, vote: 3, commitIndex: 0 }), done);
    queue.runUntil(100);
    disk.write(write(2, [entry(disk, 2, 2)]), done);
    disk.wipe();
    queue.runUntil(200);
    expect([reported, disk.durable.lastIndex, disk.issued.lastIndex]).toEqual([[1], 0, 0]);
    expect(disk.open()?.hardState).toEqual({ term: 0, vote: 0, commitIndex: 0 });
    expect([disk.everHeld(chain), disk.holds(2, chain), disk.holds(1, chain)]).toEqual([
      false,
      true,
      false,
    ]);
    disk.write(write(3, [], { term: 2, vote: 1, commitIndex: 0 }), done);
    queue.runUntil(300);
    expect([disk.durableVote(2), disk.firstVote(2)]).toEqual([1, 3]);
  });
});

describe("a held disk", () => {
  test("makes durable only what is flushed", () => {
    const { queue, disk, reported, done } = bench([]);
    disk.write(write(1, [entry(disk, 0, 1)]), done);
    disk.hold();
    disk.write(write(2, [entry(disk, 1, 1)]), done);
    queue.runUntil(100);
    expect([reported, disk.pendingWrites]).toEqual([[], 2]);
    disk.flush(1);
    expect([reported, disk.durable.lastIndex]).toEqual([[1], 1]);
    disk.unhold();
    queue.runUntil(200);
    expect(reported).toEqual([1, 2]);
  });
});

describe("reads", () => {
  test("answer later, with at least one entry and no more than the limit", () => {
    const { queue, disk } = bench([1, 1, 2, 2], { readMinMs: 5, readMaxMs: 5 });
    const answers: string[] = [];
    for (const maxBytes of [1, 130, 1000]) {
      disk.read(2, 4, maxBytes, (batches) =>
        answers.push(batches.map((b) => `${b.term}:${b.firstIndex}..${b.lastIndex}`).join(" ")),
      );
    }
    queue.runUntil(4);
    expect(answers).toEqual([]);
    queue.runUntil(5);
    expect(answers).toEqual(["1:2..2", "1:2..2 2:3..4", "1:2..2 2:3..4"]);
  });

  test("of entries that are not durable are refused", () => {
    const { disk, done } = bench([1]);
    disk.write(write(1, [entry(disk, 1, 1)]), done);
    expect(() => disk.read(1, 2, 100, () => undefined)).toThrow(/1 is durable/);
  });

  test("that fail are empty", () => {
    const { queue, disk } = bench([1], { readErrorRate: 1 });
    const sizes: number[] = [];
    disk.read(1, 1, 100, (batches) => sizes.push(batches.length));
    queue.runUntil(100);
    expect(sizes).toEqual([0]);
  });
});

describe("damage", () => {
  test.each(Array.from({ length: 30 }, (_, seed) => seed))(
    "a flipped bit is met by reads and by the next start, until repaired (seed %i)",
    (seed) => {
      const { queue, disk } = bench([1, 1, 2, 2], {}, seed);
      disk.flipBit(3);
      const sizes: number[] = [];
      disk.read(2, 4, 1000, (batches) => sizes.push(batches.length));
      disk.read(1, 2, 1000, (batches) => sizes.push(batches.length));
      queue.runUntil(100);
      expect(sizes.toSorted((a, b) => a - b)).toEqual([0, 1]);
      disk.stop();
      expect(disk.open()).toBeNull();
      expect(disk.damageMet).toBe(2);
      disk.repair();
      expect(disk.open()).toMatchObject({ lastIndex: 4 });
    },
  );

  test("a misdirected write is reported as done, and damages two places", () => {
    const { queue, disk, reported, done } = bench([1, 1, 2]);
    disk.misdirectNextWrite();
    disk.write(write(1, [entry(disk, 3, 2)]), done);
    queue.runUntil(100);
    expect(reported).toEqual([1]);
    disk.stop();
    expect(disk.open()).toBeNull();
    const found: number[] = [];
    for (const index of [1, 2, 3, 4]) {
      disk.read(index, index, 1000, (batches) => found.push(batches.length));
    }
    queue.runUntil(200);
    expect(found.filter((length) => length === 0).length).toBe(2);
  });

  test("an entry that is cut away takes its damage with it", () => {
    const { queue, disk, done } = bench([1, 1, 2]);
    disk.flipBit(3);
    disk.write(write(1, [entry(disk, 2, 3)], null, 3), done);
    queue.runUntil(100);
    disk.stop();
    expect(disk.open()).toMatchObject({ lastIndex: 3 });
  });

  test("a failed sync reports nothing and tells its node", () => {
    const { queue, disk, reported, done } = bench([1]);
    let failures = 0;
    disk.onFailure = () => failures++;
    disk.failNextSync();
    disk.write(write(1, [entry(disk, 1, 1)]), done);
    queue.runUntil(100);
    expect([failures, reported]).toEqual([1, []]);
    disk.crash();
    disk.write(write(2, [entry(disk, disk.issued.lastIndex, 1)]), done);
    queue.runUntil(200);
    expect([failures, reported]).toEqual([1, [2]]);
  });
});
