import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { Clock, TimerHandle } from "./clock.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FiberCondition } from "./fiber-condition.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { PerfKind } from "./perf-callback.ts";
import { sleep, yieldNow } from "./sleep.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Counts how often a turn was asked for. */
class CountingClock implements Clock {
  readonly inner = new VirtualClock();
  deferCount = 0;

  nowMs(): number {
    return this.inner.nowMs();
  }

  wallMs(): number {
    return this.inner.wallMs();
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    return this.inner.setTimer(atMs, fn);
  }

  clearTimer(handle: TimerHandle): void {
    this.inner.clearTimer(handle);
  }

  defer(fn: () => void): void {
    this.deferCount += 1;
    this.inner.defer(fn);
  }
}

function* yieldTimes(count: number): FiberGen<void> {
  for (let i = 0; i < count; i++) {
    yield* yieldNow();
  }
}

test("asks for one turn however many become ready, and runs them all in it", () => {
  const clock = new CountingClock();
  const dispatcher = new Dispatcher({ clock });
  const groups = [dispatcher.group("a"), dispatcher.group("b")];
  const condition = new FiberCondition("changed");
  let wokenCount = 0;
  for (let i = 0; i < 10; i++) {
    for (const group of groups) {
      group.start(`fiber ${i}`, function* () {
        yield* condition.wait();
        wokenCount += 1;
        yield* yieldTimes(3);
      });
    }
  }
  expect(clock.deferCount).toBe(1);
  clock.inner.runUntilIdle();
  condition.signalAll();
  expect(clock.deferCount).toBe(2);
  clock.inner.runUntilIdle();
  expect(wokenCount).toBe(20);
  expect(clock.deferCount).toBe(2);
});

test("a turn ends at its budget, so that timers get in between", () => {
  const world = new World({ turnBudget: 10 });
  world.group.start("busy", () => yieldTimes(25));
  world.clock.runUntilIdle();
  const clock = new CountingClock();
  const group = new Dispatcher({ clock, turnBudget: 10 }).group("group");
  const busy = group.start("busy", () => yieldTimes(25));
  clock.setTimer(0, () => {
    clock.setTimer(0, () => world.trace.push(`timer fired, busy ended: ${busy.isEnded}`));
  });
  clock.inner.runUntilIdle();
  expect(clock.deferCount).toBe(3);
  expect(world.trace).toEqual(["timer fired, busy ended: false"]);
});

test("a dispatcher can be driven from a fiber of another one", () => {
  const outer = new World();
  const inner = new World();
  inner.group.start("inner", function* () {
    yield* sleep(5);
    outer.trace.push("inner");
  });
  outer.group.start("outer", function* () {
    inner.clock.advance(10);
    outer.trace.push("outer");
    yield* sleep(1);
    outer.trace.push("outer again");
  });
  outer.clock.advance(5);
  expect(outer.trace).toEqual(["inner", "outer", "outer again"]);
});

test("close ends every group, sleepers included, and then refuses new ones", async () => {
  const world = new World();
  const second = world.dispatcher.group("second");
  for (const group of [world.group, second]) {
    group.start("daemon", () => sleepLong(), { daemon: true });
    group.start("worker", () => sleepUntil(group));
  }
  world.clock.runUntilIdle();
  const closed = world.dispatcher.close();
  expect(world.dispatcher.close()).toBe(closed);
  expect(codeOf(() => world.dispatcher.group("late"))).toBe("DT_FIBER_DISPATCHER_CLOSED");
  world.clock.advance(20);
  await closed;
  expect(world.dispatcher.groups).toEqual([]);
  expect(world.clock.pendingTimerCount).toBe(0);
  expect(world.clock.pendingDeferCount).toBe(0);
});

function* sleepLong(): FiberGen<void> {
  yield* sleep(1e9);
}

function* sleepUntil(group: { isShutdown: boolean }): FiberGen<void> {
  while (!group.isShutdown) {
    yield* sleep(10);
  }
}

test("close without groups resolves", async () => {
  await expect(new Dispatcher({ clock: new VirtualClock() }).close()).resolves.toBeUndefined();
});

test("close rejects with what made groups fail", async () => {
  const world = new World();
  const failAtEnd = function* (): FiberGen<void> {
    yield* sleep(1);
    throw new Error("at the end");
  };
  world.group.start("one", failAtEnd);
  const one = world.dispatcher.close();
  world.clock.advance(5);
  await expect(one).rejects.toMatchObject({ cause: { message: "at the end" } });

  const other = new World();
  other.group.start("one", failAtEnd);
  other.dispatcher.group("second").start("two", failAtEnd);
  const several = other.dispatcher.close();
  other.clock.advance(5);
  await expect(several).rejects.toMatchObject({ errors: [{}, {}] });
});

test("tells the perf callback about turns and resumptions, nested", () => {
  const calls: string[] = [];
  const names = Object.entries(PerfKind);
  const nameOf = (kind: PerfKind): string => names.find(([, value]) => value === kind)?.[0] ?? "?";
  const world = new World({
    perf: {
      onEvent: (kind, value) => calls.push(`${nameOf(kind)} ${value}`),
      onStart: (kind) => calls.push(`start ${nameOf(kind)}`),
      onEnd: (kind, count) => calls.push(`end ${nameOf(kind)} ${count}`),
    },
  });
  world.group.start("a", () => yieldTimes(1));
  world.group.post(() => calls.push("task"));
  world.clock.runUntilIdle();
  expect(calls).toEqual([
    "readyCount 2",
    "start turn",
    "start resume",
    "end resume 1",
    "start resume",
    "task",
    "end resume 1",
    "start resume",
    "end resume 1",
    "end turn 3",
  ]);
});

test("fibers borrow buffers from the pool of their dispatcher", () => {
  const free: Buffer[] = [];
  let made = 0;
  const buffers: BufferPool = {
    acquire: () => free.pop() ?? Buffer.alloc(16, ++made),
    release: (buffer) => void free.push(buffer),
  };
  const clock = new VirtualClock();
  const dispatcher = new Dispatcher({ clock, buffers });
  const group = dispatcher.group("borrowers");
  const seen: number[] = [];
  for (const name of ["first", "second"]) {
    group.start(name, function* () {
      const buffer = group.dispatcher.buffers.acquire();
      try {
        seen.push(buffer[0] ?? 0);
        yield* yieldNow();
      } finally {
        group.dispatcher.buffers.release(buffer);
      }
    });
  }
  clock.advance(0);
  expect(seen).toEqual([1, 2]);
  expect(free.length).toBe(2);
});

test("without a pool every borrowed buffer is a new one of 64 KiB", () => {
  const { buffers } = new Dispatcher({ clock: new VirtualClock() });
  const buffer = buffers.acquire();
  expect(buffer.length).toBe(64 * 1024);
  buffers.release(buffer);
  expect(buffers.acquire()).not.toBe(buffer);
});

test("refuses bad options, all at once", () => {
  const bad = { turnBudget: 0, colour: "red" } as unknown as { clock: Clock };
  expect(() => new Dispatcher(bad)).toThrow(
    "bad options: colour is not an option; clock must be a Clock; " +
      "turnBudget must be an integer in 1..1000000, got 0",
  );
});
