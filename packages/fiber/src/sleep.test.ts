import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { sleep, sleepUntilShutdown, yieldNow } from "./sleep.ts";

test("sleeps for the time given", () => {
  const world = new World();
  for (const ms of [20, 5, 12.5]) {
    world.group.start(`sleeps ${ms}`, function* () {
      yield* sleep(ms);
      world.trace.push(world.clock.nowMs());
    });
  }
  world.clock.advance(100);
  expect(world.trace).toEqual([5, 12.5, 20]);
});

test("a sleep of 0, or less, still lets timers and others run", () => {
  const world = new World();
  world.group.start("a", function* () {
    yield* sleep(0);
    world.trace.push("a");
    yield* sleep(-5);
    world.trace.push("a");
  });
  world.group.start("b", function* () {
    world.trace.push("b");
    yield* yieldNow();
  });
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["b", "a", "a"]);
  expect(world.clock.nowMs()).toBe(0);
});

test("yieldNow takes turns in order", () => {
  const world = new World();
  for (const name of ["a", "b", "c"]) {
    world.group.start(name, function* () {
      for (let i = 0; i < 2; i++) {
        world.trace.push(`${name}${i}`);
        yield* yieldNow();
      }
    });
  }
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["a0", "b0", "c0", "a1", "b1", "c1"]);
});

test("sleepUntilShutdown ends with its time or with the shutdown, whatever is first", () => {
  const world = new World();
  for (const ms of [10, 1000, undefined]) {
    world.group.start(`sleeps ${ms}`, function* () {
      world.trace.push([ms, yield* sleepUntilShutdown(ms), world.clock.nowMs()]);
      world.trace.push([ms, yield* sleepUntilShutdown(ms), world.clock.nowMs()]);
    });
  }
  world.clock.advance(15);
  world.group.requestShutdown();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([
    [10, false, 10],
    [1000, true, 15],
    [1000, true, 15],
    [undefined, true, 15],
    [undefined, true, 15],
    [10, true, 15],
  ]);
  expect(world.group.isEnded).toBe(true);
  expect(world.clock.pendingTimerCount).toBe(0);
});

test("is refused outside of fibers", () => {
  expect(codeOf(() => sleep(1))).toBe("DT_FIBER_OUTSIDE_FIBER");
  expect(codeOf(() => sleepUntilShutdown(1))).toBe("DT_FIBER_OUTSIDE_FIBER");
  expect(codeOf(() => yieldNow())).toBe("DT_FIBER_OUTSIDE_FIBER");
});
