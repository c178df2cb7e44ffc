import { expect, test } from "vitest";
import { WriteTracker } from "./write-tracker.ts";

test("what was on disk at the start is durable", () => {
  const writes = new WriteTracker(5);
  expect([writes.issuedIndex, writes.durableIndex]).toEqual([5, 5]);
  expect([writes.isHardStateDirty, writes.isHardStateDurable]).toEqual([false, true]);
  expect(writes.sequenceCovering(5)).toBe(0);
  expect(writes.sequenceCovering(6)).toBe(1);
});

test("a write that becomes durable makes every earlier one durable", () => {
  const writes = new WriteTracker(0);
  writes.issue(2);
  writes.issue(5);
  writes.issue(9);
  writes.persisted(2);
  expect(writes.durableIndex).toBe(5);
  expect(writes.pendingSequences).toEqual([3]);
  writes.persisted(1);
  expect(writes.durableIndex).toBe(5);
});

test("refuses news of a write that was never handed out", () => {
  expect(() => new WriteTracker(0).persisted(1)).toThrow("handed out");
});

test("an index is covered by the first write that contains it", () => {
  const writes = new WriteTracker(0);
  writes.issue(2);
  writes.issue(5);
  expect([1, 2, 3, 5, 6].map((index) => writes.sequenceCovering(index))).toEqual([1, 1, 2, 2, 3]);
});

test("a truncation among issued entries is handed to the disk, at its lowest point", () => {
  const writes = new WriteTracker(9);
  writes.truncated(8);
  writes.truncated(6);
  writes.truncated(7);
  expect([writes.truncateFrom, writes.issuedIndex, writes.durableIndex]).toEqual([6, 5, 5]);
  writes.issue(7);
  expect(writes.truncateFrom).toBe(0);
});

test("a truncation among entries not handed out is not the disk's business", () => {
  const writes = new WriteTracker(5);
  writes.truncated(6);
  expect([writes.truncateFrom, writes.issuedIndex, writes.durableIndex]).toEqual([0, 5, 5]);
});

test("a position written, rewritten and written as at first is durable only with the last write", () => {
  const writes = new WriteTracker(4);
  writes.issue(5);
  writes.truncated(5);
  writes.issue(5);
  writes.truncated(5);
  writes.issue(5);
  expect(writes.sequenceCovering(5)).toBe(3);
  writes.persisted(1);
  expect(writes.durableIndex).toBe(4);
  writes.persisted(2);
  expect(writes.durableIndex).toBe(4);
  writes.assertInvariants(5);
  writes.persisted(3);
  expect(writes.durableIndex).toBe(5);
});

test("entries that became durable and are cut away are not durable any more", () => {
  const writes = new WriteTracker(0);
  writes.issue(5);
  writes.persisted(1);
  writes.truncated(3);
  expect(writes.durableIndex).toBe(2);
  writes.issue(4);
  expect(writes.durableIndex).toBe(2);
  writes.persisted(2);
  expect(writes.durableIndex).toBe(4);
});

test("the hard state is durable with the write that carries its last change", () => {
  const writes = new WriteTracker(0);
  writes.hardStateChanged();
  expect([writes.isHardStateDirty, writes.isHardStateDurable]).toEqual([true, false]);
  writes.issue(0);
  expect([writes.isHardStateDirty, writes.isHardStateDurable]).toEqual([false, false]);
  writes.hardStateChanged();
  writes.issue(0);
  writes.persisted(1);
  expect(writes.isHardStateDurable).toBe(false);
  writes.persisted(2);
  expect(writes.isHardStateDurable).toBe(true);
});

test("a copy is equal and independent", () => {
  const writes = new WriteTracker(3);
  writes.truncated(2);
  writes.issue(4);
  const copy = writes.clone();
  expect(copy).toEqual(writes);
  copy.persisted(1);
  expect(writes.durableIndex).toBe(1);
});
