import { expect, test } from "vitest";
import { Inflight } from "./inflight.ts";

test("an ack frees every append that it speaks for", () => {
  const inflight = new Inflight();
  inflight.add(3, 30);
  inflight.add(5, 20);
  inflight.add(9, 40);
  inflight.freeTo(2);
  expect([inflight.count, inflight.bytes]).toEqual([3, 90]);
  inflight.freeTo(6);
  expect([inflight.count, inflight.bytes]).toEqual([1, 40]);
  inflight.assertInvariants(6, 10);
  inflight.freeTo(9);
  expect([inflight.count, inflight.bytes]).toEqual([0, 0]);
});

test("a window that never empties does not grow", () => {
  const inflight = new Inflight();
  for (let i = 1; i <= 10_000; i++) {
    inflight.add(i, 10);
    inflight.freeTo(i - 3);
  }
  expect([inflight.count, inflight.bytes]).toEqual([3, 30]);
  expect(inflight.lastIndexes.length).toBeLessThan(100);
});

test("a copy is equal and independent", () => {
  const inflight = new Inflight();
  inflight.add(3, 30);
  inflight.add(5, 20);
  inflight.freeTo(3);
  const copy = inflight.clone();
  copy.add(7, 1);
  expect([inflight.count, copy.count, copy.bytes]).toEqual([1, 2, 21]);
});
