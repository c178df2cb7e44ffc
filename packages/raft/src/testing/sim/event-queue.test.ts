import { describe, expect, test } from "vitest";
import { DriftingClock, SIM_EPOCH_MS } from "./drifting-clock.ts";
import { EventQueue } from "./event-queue.ts";
import { SimRandom } from "./sim-random.ts";

describe("events", () => {
  test("run in the order of time, then of scheduling", () => {
    const queue = new EventQueue();
    const random = new SimRandom(3);
    const ran: { atMs: number; id: number }[] = [];
    for (let id = 0; id < 500; id++) {
      const atMs = random.int(0, 20);
      queue.at(atMs, () => ran.push({ atMs, id }));
    }
    queue.runUntil(20);
    expect(ran.length).toBe(500);
    expect(ran).toEqual(ran.toSorted((a, b) => a.atMs - b.atMs || a.id - b.id));
  });

  test("may schedule and cancel others, and see their own time", () => {
    const queue = new EventQueue();
    const seen: number[] = [];
    const cancelled = queue.at(6, () => seen.push(-1));
    queue.after(5, () => {
      queue.cancel(cancelled);
      queue.after(2, () => seen.push(queue.nowMs));
      queue.at(1, () => seen.push(queue.nowMs));
    });
    expect(queue.nextAtMs).toBe(5);
    queue.runUntil(6);
    expect([seen, queue.nowMs]).toEqual([[5], 6]);
    queue.runUntil(100);
    expect([seen, queue.nowMs, queue.nextAtMs]).toEqual([[5, 7], 100, Infinity]);
    expect(queue.runNext()).toBe(false);
  });

  test("that never let time pass are a failure", () => {
    const queue = new EventQueue();
    const again = (): void => void queue.after(0, again);
    again();
    expect(() => queue.runUntil(1)).toThrow(/time stands still/);
  });
});

describe("a node's clock", () => {
  test("runs at its rate from its own origin, and goes on after a change of rate", () => {
    const queue = new EventQueue();
    queue.runUntil(100);
    const clock = new DriftingClock(queue, 5000, 1.1);
    expect(clock.nowMs()).toBeCloseTo(5000);
    queue.runUntil(200);
    expect(clock.nowMs()).toBeCloseTo(5110);
    clock.setRate(0.5);
    queue.runUntil(300);
    expect(clock.nowMs()).toBeCloseTo(5160);
    expect(clock.trueSpan(10)).toBe(20);
    clock.restartAt(7);
    expect(clock.nowMs()).toBeCloseTo(7);
  });

  test("has a wall clock that jumps without the other", () => {
    const clock = new DriftingClock(new EventQueue(), 0, 1);
    clock.jumpWall(-86_400_000);
    expect(clock.wallMs()).toBe(SIM_EPOCH_MS - 86_400_000);
    expect(clock.nowMs()).toBe(0);
  });
});
