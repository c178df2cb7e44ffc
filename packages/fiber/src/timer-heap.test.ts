import fc from "fast-check";
import { expect, test } from "vitest";

import { TimerHeap } from "./timer-heap.ts";
import type { Timer } from "./timer-heap.ts";

const nothing = (): void => {};

test("pops timers by deadline, then by the order they were set, whatever was removed", () => {
  const step = fc.oneof(
    { arbitrary: fc.record({ add: fc.integer({ min: 0, max: 60 }) }), weight: 6 },
    { arbitrary: fc.record({ remove: fc.nat() }), weight: 3 },
    { arbitrary: fc.record({ pop: fc.integer({ min: 0, max: 20 }) }), weight: 1 },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 150, size: "max" }), (steps) => {
      const heap = new TimerHeap();
      const model: Timer[] = [];
      for (const action of steps) {
        if ("add" in action) {
          model.push(heap.add(action.add, nothing));
          model.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
        } else if ("remove" in action) {
          const [timer] = model.splice(action.remove % Math.max(1, model.length), 1);
          expect(timer === undefined || heap.remove(timer)).toBe(true);
        } else {
          const first = model[0];
          const due = first !== undefined && first.atMs <= action.pop ? model.shift() : undefined;
          expect(heap.popDue(action.pop)).toBe(due);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.peek()).toBe(model[0]);
      }
      for (const timer of model) {
        expect(heap.popDue(Infinity)).toBe(timer);
      }
    }),
  );
});

test("refuses to remove a timer twice or one of another heap", () => {
  const heap = new TimerHeap();
  const timer = heap.add(5, nothing);
  const other = new TimerHeap();
  const theirs = other.add(5, nothing);
  expect(heap.remove(theirs)).toBe(false);
  expect(heap.remove(timer)).toBe(true);
  expect(heap.remove(timer)).toBe(false);
  expect(other.size).toBe(1);
});
