import { expect, test } from "vitest";
import { GatedAcks } from "./gated-acks.ts";

test("acks leave with the write they wait for, merged into one", () => {
  const acks = new GatedAcks();
  acks.hold(2, 1, 5, 100, 1);
  acks.hold(2, 2, 8, 110, 3);
  acks.hold(2, 3, 9, 120, 4);
  expect(acks.release(0)).toBeNull();
  expect(acks.release(2)).toMatchObject({ index: 8, sentAtMs: 110, readToken: 3 });
  expect(acks.release(2)).toBeNull();
  expect(acks.release(9)).toMatchObject({ index: 9, sentAtMs: 120, readToken: 4 });
});

test("repeats that wait for the same write take no more room", () => {
  const acks = new GatedAcks();
  for (let i = 0; i < 1000; i++) {
    acks.hold(2, 1 + (i % 2), 5 + (i % 3), i, i);
  }
  expect(acks.held.length).toBe(2);
  expect(acks.release(2)).toMatchObject({ index: 7, sentAtMs: 999, readToken: 999 });
});

test("an ack of low entries that waits for an earlier write leaves first", () => {
  const acks = new GatedAcks();
  acks.hold(2, 4, 9, 10, 0);
  acks.hold(2, 3, 6, 20, 0);
  expect(acks.release(3)).toMatchObject({ index: 6, sentAtMs: 20, readToken: 0 });
  expect(acks.release(4)).toMatchObject({ index: 9, sentAtMs: 10, readToken: 0 });
});

test("a cleared one releases nothing, and a copy is independent", () => {
  const acks = new GatedAcks();
  acks.hold(2, 1, 5, 100, 1);
  const copy = acks.clone();
  acks.clear();
  expect(acks.release(9)).toBeNull();
  expect(copy.to).toBe(2);
  expect(copy.release(9)).toMatchObject({ index: 5, sentAtMs: 100, readToken: 1 });
});
