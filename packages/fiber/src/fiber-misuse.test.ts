import { expect, test } from "vitest";

import { World, codeOfError } from "../test/world.ts";
import { FiberCondition } from "./fiber-condition.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen, FiberWait } from "./fiber-gen.ts";
import { sleep, yieldNow } from "./sleep.ts";

test("yielding anything but a wait throws at that place", () => {
  const world = new World();
  world.run(function* () {
    try {
      yield "a value" as unknown as FiberWait;
    } catch (error) {
      world.trace.push(codeOfError(error));
    }
    yield* sleep(1);
  });
  expect(world.trace).toEqual(["DT_FIBER_BAD_YIELD"]);
});

test("a wait that another fiber began cannot be used", () => {
  const world = new World();
  let stolen: Iterable<FiberWait, void, unknown> | null = null;
  world.group.start("owner", function* () {
    stolen = sleep(10);
    yield* stolen;
    world.trace.push(`owner@${world.clock.nowMs()}`);
  });
  world.group.start("thief", function* () {
    try {
      yield* stolen ?? sleep(0);
    } catch (error) {
      world.trace.push(codeOfError(error));
    }
  });
  world.clock.advance(20);
  expect(world.trace).toEqual(["DT_FIBER_BAD_YIELD", "owner@10"]);
});

test("the outcome of a fiber that is about to run cannot be taken by another", () => {
  const world = new World();
  const future = new FiberFuture<string>("answer");
  let stolen: Iterable<FiberWait, string, unknown> = future;
  world.group.start("owner", function* () {
    stolen = future.wait();
    world.trace.push(`owner got ${yield* stolen}`);
  });
  world.group.start("thief", function* () {
    yield* yieldNow();
    future.complete("it");
    try {
      yield* stolen;
    } catch (error) {
      world.trace.push(codeOfError(error));
    }
  });
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["DT_FIBER_BAD_YIELD", "owner got it"]);
});

test("a wait begun and never given to yield* is reported at the next wait", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  world.run(function* () {
    condition.wait(10);
    try {
      yield* sleep(1);
    } catch (error) {
      world.trace.push((error as Error).message);
    }
    yield* sleep(1);
  });
  expect(world.trace).toEqual(["fiber run started to wait for condition changed without yield*"]);
  expect(condition.hasWaiters).toBe(false);
  expect(world.clock.pendingTimerCount).toBe(0);
});

test("a wait begun last and never given to yield* is reported at the end", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error.cause) });
  const condition = new FiberCondition("changed");
  world.group.start("forgetful", function* (): FiberGen<void> {
    yield* sleep(1);
    condition.wait();
  });
  world.clock.advance(5);
  expect(errors.map(codeOfError)).toEqual(["DT_FIBER_WAIT_UNUSED"]);
  expect(condition.hasWaiters).toBe(false);
});
