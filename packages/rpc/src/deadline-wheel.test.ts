import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DeadlineWheel, TICK_MS } from "./deadline-wheel.ts";
import type { DeadlineEntry } from "./deadline-wheel.ts";

class Entry implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  firedAtMs = -1;
  fireCount = 0;
  readonly onFire: () => void;

  constructor(onFire: () => void = () => {}) {
    this.onFire = onFire;
  }

  onDeadline(): void {
    this.firedAtMs = performance.now();
    this.fireCount++;
    this.onFire();
  }
}

const toFake = ["setTimeout", "clearTimeout", "setImmediate", "performance"] as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...toFake] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("DeadlineWheel", () => {
  test("calls an entry after its time and at most two ticks later", () => {
    const wheel = new DeadlineWheel();
    const afterMs = [1, 9, 10, 11, 25, 999, 5119, 5120, 5121, 20_000, 61_234];
    const entries = afterMs.map((ms) => {
      const entry = new Entry();
      wheel.add(entry, performance.now() + ms);
      return { entry, dueMs: performance.now() + ms };
    });
    vi.advanceTimersByTime(70_000);
    for (const { entry, dueMs } of entries) {
      expect(entry.fireCount).toBe(1);
      expect(entry.firedAtMs).toBeGreaterThanOrEqual(dueMs);
      expect(entry.firedAtMs).toBeLessThanOrEqual(dueMs + 2 * TICK_MS + 1);
    }
    expect(wheel.count).toBe(0);
  });

  test("does not call what was removed", () => {
    const wheel = new DeadlineWheel();
    const kept = new Entry();
    const removed = new Entry();
    const alsoKept = new Entry();
    for (const entry of [kept, removed, alsoKept]) {
      wheel.add(entry, performance.now() + 50);
    }
    wheel.remove(removed);
    wheel.remove(removed);
    expect(wheel.count).toBe(2);
    vi.advanceTimersByTime(1000);
    expect([kept.fireCount, removed.fireCount, alsoKept.fireCount]).toEqual([1, 0, 1]);
  });

  test("takes an entry again, also while it is being called", () => {
    const wheel = new DeadlineWheel();
    const entry: Entry = new Entry(() => {
      if (entry.fireCount < 3) {
        wheel.add(entry, performance.now() + 100);
      }
    });
    wheel.add(entry, performance.now() + 100);
    vi.advanceTimersByTime(5000);
    expect(entry.fireCount).toBe(3);
  });

  test("lets a called entry remove others that are due in the same tick", () => {
    const wheel = new DeadlineWheel();
    const victims: Entry[] = [];
    const killer = (): void => victims.forEach((victim) => wheel.remove(victim));
    for (let index = 0; index < 5; index++) {
      const entry = new Entry(killer);
      victims.push(entry);
      wheel.add(entry, performance.now() + 30);
    }
    vi.advanceTimersByTime(1000);
    expect(victims.reduce((sum, victim) => sum + victim.fireCount, 0)).toBe(1);
    expect(wheel.count).toBe(0);
  });

  test("takes a time that is over", () => {
    const wheel = new DeadlineWheel();
    vi.advanceTimersByTime(500);
    const entry = new Entry();
    wheel.add(entry, performance.now() - 400);
    vi.advanceTimersByTime(3 * TICK_MS);
    expect(entry.fireCount).toBe(1);
  });

  test("catches up after a pause longer than a turn of the wheel", () => {
    const wheel = new DeadlineWheel();
    const entries = [100, 3000, 7000, 60_000].map((ms) => {
      const entry = new Entry();
      wheel.add(entry, performance.now() + ms);
      return entry;
    });
    vi.setSystemTime(Date.now() + 20_000);
    vi.advanceTimersByTime(20_000);
    expect(entries.map((entry) => entry.fireCount)).toEqual([1, 1, 1, 0]);
    vi.advanceTimersByTime(50_000);
    expect(entries.map((entry) => entry.fireCount)).toEqual([1, 1, 1, 1]);
  });

  test("goes on after an entry that throws, which is heard of", () => {
    const thrown: (() => void)[] = [];
    const keep = (callback: () => void): void => void thrown.push(callback);
    const nextTick = vi
      .spyOn(process, "nextTick")
      .mockImplementation(keep as typeof process.nextTick);
    const wheel = new DeadlineWheel();
    const fail = (): never => {
      throw new Error("a bug");
    };
    const entries = [new Entry(), new Entry(fail), new Entry()];
    const later = [new Entry(), new Entry()];
    entries.forEach((entry) => wheel.add(entry, performance.now() + 50));
    later.forEach((entry, index) => wheel.add(entry, performance.now() + 60 + index * 5000));
    try {
      vi.advanceTimersByTime(6000);
    } finally {
      nextTick.mockRestore();
    }
    expect([...entries, ...later].map(({ fireCount }) => fireCount)).toEqual([1, 1, 1, 1, 1]);
    expect(wheel.count).toBe(0);
    expect(thrown).toHaveLength(1);
    expect(thrown[0]).toThrow("a bug");
  });

  test("arms one timer, and none when nothing waits", () => {
    const wheel = new DeadlineWheel();
    expect(vi.getTimerCount()).toBe(0);
    const entries = Array.from({ length: 1000 }, () => new Entry());
    entries.forEach((entry, index) => wheel.add(entry, performance.now() + 1000 - index));
    expect(vi.getTimerCount()).toBe(1);
    entries.forEach((entry) => wheel.remove(entry));
    vi.advanceTimersByTime(2000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
