import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import { FiberCondition } from "./fiber-condition.ts";
import type { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { sleep, yieldNow } from "./sleep.ts";

test("an interrupt ends a wait with a coded error, runs finally, and takes back timer and place", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  const fiber = world.group.start("waits", function* () {
    try {
      yield* condition.wait(100);
    } catch (error) {
      world.trace.push(codeOfError(error), (error as Error).cause);
    } finally {
      world.trace.push("finally");
    }
    yield* sleep(5);
    return "went on";
  });
  world.clock.advance(1);
  expect(fiber.interrupt("enough")).toBe(true);
  expect(condition.hasWaiters).toBe(false);
  expect(world.clock.pendingTimerCount).toBe(0);
  const value = world.run(() => resultOf(fiber.result));
  expect(world.trace).toEqual(["DT_FIBER_INTERRUPTED", "enough", "finally"]);
  expect(value).toBe("went on");
  expect(fiber.interrupt()).toBe(false);
});

test("a fiber that lets its interrupt end it is no failure of the group; join reports it", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error) });
  const fiber = world.group.start("waits", () => sleepForever());
  world.clock.runUntilIdle();
  fiber.interrupt();
  world.clock.runUntilIdle();
  expect(fiber.isEnded).toBe(true);
  expect(errors).toEqual([]);
  expect(codeOf(() => world.run(() => resultOf(fiber.result)))).toBe("DT_FIBER_INTERRUPTED");
});

test("an interrupt while queued as ready leaves the wake-up alone and comes at the next wait", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  const fiber = world.group.start("waits", function* () {
    world.trace.push(yield* condition.wait());
    try {
      yield* yieldNow();
      world.trace.push("not reached");
    } catch (error) {
      world.trace.push(codeOfError(error));
    }
    yield* sleep(1);
    world.trace.push("went on");
  });
  world.clock.runUntilIdle();
  condition.signal();
  fiber.interrupt();
  expect(fiber.state).toBe("ready");
  world.clock.advance(5);
  expect(world.trace).toEqual([true, "DT_FIBER_INTERRUPTED", "went on"]);
});

test("an interrupt before the first run comes at the first wait", () => {
  const world = new World();
  const fiber = world.group.start("starts", function* () {
    world.trace.push("started");
    yield* sleep(1);
    world.trace.push("not reached");
  });
  fiber.interrupt();
  world.clock.advance(5);
  expect(world.trace).toEqual(["started"]);
  expect(fiber.isEnded).toBe(true);
});

test("a fiber may interrupt itself", () => {
  const world = new World();
  const fiber = world.group.start("self", function* (): FiberGen<void> {
    fiber.interrupt();
    world.trace.push("still running");
    yield* sleep(1);
    world.trace.push("not reached");
  });
  world.clock.advance(5);
  expect(world.trace).toEqual(["still running"]);
});

test("an error thrown in finally replaces the interrupt and is reported", () => {
  const errors: Error[] = [];
  const world = new World({}, { onError: (error) => errors.push(error) });
  const fiber = world.group.start("untidy", function* () {
    try {
      yield* sleep(Infinity);
    } finally {
      failToClean();
    }
  });
  world.clock.runUntilIdle();
  fiber.interrupt();
  world.clock.runUntilIdle();
  expect(errors.map((error) => error.cause)).toMatchObject([{ message: "from finally" }]);
  expect(fiber.isEnded).toBe(true);
});

test("a finally block may wait", () => {
  const world = new World();
  const fiber = world.group.start("tidy", function* () {
    try {
      yield* sleep(Infinity);
    } finally {
      yield* sleep(5);
      world.trace.push(world.clock.nowMs());
    }
  });
  world.clock.advance(1);
  fiber.interrupt();
  world.clock.advance(10);
  expect(world.trace).toEqual([6]);
});

function* resultOf<T>(future: FiberFuture<T>): FiberGen<T> {
  return yield* future;
}

function* sleepForever(): FiberGen<void> {
  yield* sleep(Infinity);
}

function failToClean(): never {
  throw new Error("from finally");
}
