import { expect, test } from "vitest";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { batchOf, ENTRY_BYTES, entries, entriesAfter, ranges } from "./entries.test.kit.ts";
import { LogView } from "./log-view.ts";
import { TermRuns } from "./term-runs.ts";

const ALL = Number.MAX_SAFE_INTEGER;

function logOf(batches: readonly EntryBatch[]): LogView {
  const log = new LogView(new TermRuns(1, 0, []), 0);
  for (const batch of batches) {
    log.append(batch);
  }
  log.assertInvariants();
  return log;
}

test("an appended batch has to follow the last entry and its chain", () => {
  const batches = entries(1, 1, 2);
  const log = logOf(batches);
  expect(log.lastIndex).toBe(3);
  expect(log.lastTerm).toBe(2);
  expect(log.lastChain).toBe(batches[1]!.chain);
  expect(() => log.append(batches[1]!)).toThrow("follows the last entry");
  expect(() => log.append(batchOf(1, 48, 4, 2, log.lastChain + 1))).toThrow("chain");
});

test("an empty log has no last term", () => {
  const log = logOf([]);
  expect([log.lastIndex, log.lastTerm, log.lastChain, log.tailFirstIndex]).toEqual([0, 0, 0, 1]);
  expect(log.slice(1, 10, ALL)).toEqual([]);
});

test("slices hand out whole batches where they can", () => {
  const batches = entries(1, 1, 2, 3, 3, 3);
  const log = logOf(batches);
  const all = log.slice(1, 6, ALL);
  expect(all).toEqual(batches);
  expect(all![0]).toBe(batches[0]);
  expect(ranges(log.slice(2, 5, ALL))).toEqual([
    [2, 2],
    [3, 3],
    [4, 5],
  ]);
  expect(ranges(log.slice(5, 100, ALL))).toEqual([[5, 6]]);
  expect(log.slice(7, 9, ALL)).toEqual([]);
});

test("slices stop at the byte limit and hold at least one entry", () => {
  const log = logOf(entries(1, 1, 1, 1, 2, 2));
  expect(ranges(log.slice(1, 6, 3 * ENTRY_BYTES))).toEqual([[1, 3]]);
  expect(ranges(log.slice(1, 6, 5 * ENTRY_BYTES + 1))).toEqual([
    [1, 4],
    [5, 5],
  ]);
  expect(ranges(log.slice(1, 6, 4 * ENTRY_BYTES))).toEqual([[1, 4]]);
  expect(ranges(log.slice(3, 6, 1))).toEqual([[3, 3]]);
});

test("sliced batches carry the chain on both sides", () => {
  const [batch] = entries(1, 1, 1, 1);
  const parts = [logOf([batch!]).slice(1, 2, ALL)![0]!, logOf([batch!]).slice(3, 4, ALL)![0]!];
  expect(parts[0]!.chain).toBe(parts[1]!.prevChain);
  expect(parts[1]!.chain).toBe(batch!.chain);
});

test("truncation inside a batch keeps its head", () => {
  const batches = entries(1, 1, 2, 2, 2);
  const log = logOf(batches);
  const kept = log.slice(3, 3, ALL)![0]!;
  log.truncate(4, kept.chain);
  log.assertInvariants();
  expect([log.lastIndex, log.lastChain]).toEqual([3, kept.chain]);
  for (const batch of entriesAfter(kept, 3, 3)) {
    log.append(batch);
  }
  expect(ranges(log.slice(1, 9, ALL))).toEqual([
    [1, 2],
    [3, 3],
    [4, 5],
  ]);
});

test("truncation notices a leader whose equal entry has another history", () => {
  const log = logOf(entries(1, 1, 2));
  expect(() => log.truncate(3, 12345)).toThrow("equal logs");
});

test("truncation below memory leaves only what comes next in memory", () => {
  const batches = entries(1, 1, 1, 1);
  const log = new LogView(new TermRuns(1, 4, [{ firstIndex: 1, term: 1 }]), batches[0]!.chain);
  expect(log.slice(4, 4, ALL)).toBeNull();
  const third = entries(1, 1)[0]!;
  log.truncate(3, third.chain);
  log.append(entriesAfter(third, 2)[0]!);
  log.assertInvariants();
  expect(log.slice(2, 3, ALL)).toBeNull();
  expect(ranges(log.slice(3, 3, ALL))).toEqual([[3, 3]]);
});

test("trimming drops the oldest batches down to the limit, and none above the index", () => {
  const log = logOf(entries(1, 2, 3, 4, 5));
  log.trim(2, 0);
  log.assertInvariants();
  expect(log.tailFirstIndex).toBe(3);
  expect(log.slice(2, 5, ALL)).toBeNull();
  log.trim(5, 2 * ENTRY_BYTES);
  expect(log.tailFirstIndex).toBe(4);
  log.trim(5, 0);
  expect(log.tailFirstIndex).toBe(6);
  expect(log.tailBytes).toBe(0);
  log.assertInvariants();
});

test("a long life of appends and trims keeps memory small", () => {
  const log = logOf([]);
  for (let index = 1; index <= 10_000; index++) {
    log.append(batchOf(1, ENTRY_BYTES, index, 1, log.lastChain));
    log.trim(index, 4 * ENTRY_BYTES);
  }
  log.assertInvariants();
  expect(log.tail.length).toBeLessThan(200);
  expect(ranges(log.slice(9_998, 10_000, ALL))).toEqual([
    [9_998, 9_998],
    [9_999, 9_999],
    [10_000, 10_000],
  ]);
});

test("a copy is equal and independent", () => {
  const log = logOf(entries(1, 2, 3));
  log.trim(1, 0);
  const copy = log.clone();
  copy.assertInvariants();
  copy.append(batchOf(1, ENTRY_BYTES, 4, 9, copy.lastChain));
  expect([log.lastIndex, copy.lastIndex]).toEqual([3, 4]);
  expect(ranges(copy.slice(2, 4, ALL))).toEqual([
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
  log.assertInvariants();
});
