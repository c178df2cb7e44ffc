import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { FiberCondition } from "./fiber-condition.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { sleep } from "./sleep.ts";

function startWaiter(world: World, name: string, condition: FiberCondition, timeoutMs?: number) {
  return world.group.start(name, function* () {
    const isSignalled = yield* condition.wait(timeoutMs);
    world.trace.push(`${name} ${isSignalled ? "signalled" : "timed out"}@${world.clock.nowMs()}`);
  });
}

test("signal wakes the one that has waited longest", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  startWaiter(world, "a", condition);
  startWaiter(world, "b", condition);
  world.clock.runUntilIdle();
  expect(condition.signal()).toBe(true);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["a signalled@0"]);
  expect(condition.hasWaiters).toBe(true);
});

test("signalAll wakes all in the order they came", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  for (const name of ["a", "b", "c"]) {
    startWaiter(world, name, condition);
  }
  world.clock.runUntilIdle();
  expect(condition.signalAll()).toBe(3);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["a signalled@0", "b signalled@0", "c signalled@0"]);
  expect(condition.hasWaiters).toBe(false);
});

test("a signal without a waiter is not remembered", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  expect(condition.signal()).toBe(false);
  expect(condition.signalAll()).toBe(0);
  startWaiter(world, "a", condition, 5);
  world.clock.advance(10);
  expect(world.trace).toEqual(["a timed out@5"]);
});

test("the time limit ends the wait and takes the waiter off the list", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  startWaiter(world, "hasty", condition, 5);
  startWaiter(world, "patient", condition);
  world.clock.advance(5);
  condition.signal();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["hasty timed out@5", "patient signalled@5"]);
});

test("a signal at the very instant of the time limit is not lost", () => {
  const signalFirst = new World();
  const first = new FiberCondition("changed");
  signalFirst.clock.setTimer(5, () => first.signal());
  startWaiter(signalFirst, "a", first, 5);
  startWaiter(signalFirst, "b", first);
  signalFirst.clock.advance(5);
  expect(signalFirst.trace).toEqual(["a signalled@5"]);

  const limitFirst = new World();
  const second = new FiberCondition("changed");
  startWaiter(limitFirst, "a", second, 5);
  startWaiter(limitFirst, "b", second);
  limitFirst.clock.runUntilIdle();
  limitFirst.clock.setTimer(5, () => second.signal());
  limitFirst.clock.advance(5);
  expect(limitFirst.trace).toEqual(["a timed out@5", "b signalled@5"]);
});

test("no timer is left once the signal came", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  startWaiter(world, "a", condition, 1000);
  world.clock.runUntilIdle();
  expect(world.clock.pendingTimerCount).toBe(1);
  condition.signal();
  expect(world.clock.pendingTimerCount).toBe(0);
});

test("waitAny returns the index of the signalled condition and leaves the other lists", () => {
  const world = new World();
  const conditions = [new FiberCondition("a"), new FiberCondition("b"), new FiberCondition("c")];
  world.group.start("any", function* () {
    for (let i = 0; i < 3; i++) {
      world.trace.push(yield* FiberCondition.waitAny(conditions, 10));
    }
  });
  world.clock.runUntilIdle();
  expect(world.group.dump().fibers[0]?.waitingFor).toBe("any of conditions a, b, c");
  conditions[2]?.signal();
  expect(conditions.map((condition) => condition.hasWaiters)).toEqual([false, false, false]);
  world.clock.runUntilIdle();
  conditions[1]?.signal();
  conditions[0]?.signal();
  world.clock.advance(100);
  expect(world.trace).toEqual([2, 1, -1]);
  expect(conditions.some((condition) => condition.hasWaiters)).toBe(false);
});

test("a signal passes over nobody when a waiter of several was woken by another", () => {
  const world = new World();
  const left = new FiberCondition("left");
  const right = new FiberCondition("right");
  world.group.start("both", function* () {
    world.trace.push(`both ${yield* FiberCondition.waitAny([left, right])}`);
  });
  startWaiter(world, "right only", right);
  world.clock.runUntilIdle();
  left.signal();
  right.signal();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["both 0", "right only signalled@0"]);
});

test("the same condition given twice counts as one waiter", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  world.group.start("twice", function* () {
    world.trace.push(yield* FiberCondition.waitAny([condition, condition]));
  });
  world.clock.runUntilIdle();
  expect(condition.signalAll()).toBe(1);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([0]);
});

test("a fiber may signal itself between beginning a wait and giving it to yield*", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  const isSignalled = world.run(function* () {
    const wait = condition.wait(50);
    condition.signal();
    return yield* wait;
  });
  expect(isSignalled).toBe(true);
  expect(world.clock.nowMs()).toBe(0);
  expect(world.clock.pendingTimerCount).toBe(0);
});

test("a check followed by a wait cannot miss the change", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  let value = 0;
  world.group.start("reader", function* () {
    while (value < 3) {
      yield* condition.wait();
      world.trace.push(value);
    }
  });
  world.group.start("writer", function* (): FiberGen<void> {
    for (let i = 0; i < 3; i++) {
      yield* sleep(1);
      value += 1;
      condition.signalAll();
    }
  });
  world.clock.advance(10);
  expect(world.trace).toEqual([1, 2, 3]);
});

test("refuses to wait outside of a fiber, for no condition, and for NaN", () => {
  const world = new World();
  const condition = new FiberCondition("changed");
  expect(codeOf(() => condition.wait())).toBe("DT_FIBER_OUTSIDE_FIBER");
  world.run(function* () {
    world.trace.push(codeOf(() => FiberCondition.waitAny([])));
    world.trace.push(codeOf(() => condition.wait(Number.NaN)));
    yield* sleep(0);
  });
  expect(world.trace).toEqual(["DT_FIBER_ARGUMENT", "DT_FIBER_ARGUMENT"]);
  expect(condition.hasWaiters).toBe(false);
});
