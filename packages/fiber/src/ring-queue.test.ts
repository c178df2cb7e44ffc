import fc from "fast-check";
import { expect, test } from "vitest";

import { RingQueue } from "./ring-queue.ts";

test("gives items back in the order they came, across wraps and growth", () => {
  const step = fc.oneof(fc.constant("shift" as const), fc.integer());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 9 }), (steps, n) => {
      const queue = new RingQueue<number>(n);
      const model: number[] = [];
      for (const item of steps) {
        if (item === "shift") {
          expect(queue.shift()).toBe(model.shift());
        } else {
          queue.push(item);
          model.push(item);
        }
        expect(queue.size).toBe(model.length);
      }
      while (model.length > 0) {
        expect(queue.shift()).toBe(model.shift());
      }
    }),
  );
});

test("does not hold on to an item it has given back", () => {
  const queue = new RingQueue<object>(2);
  queue.push({});
  queue.push({});
  queue.shift();
  queue.push({});
  queue.push({});
  expect(queue.size).toBe(3);
  queue.shift();
  queue.shift();
  queue.shift();
  expect(queue.shift()).toBeUndefined();
});
