import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { VirtualClock } from "./virtual-clock.ts";

function* valueOf<T>(future: FiberFuture<T>): FiberGen<T> {
  return yield* future.wait();
}

test("hands its value to those who wait and to those who come later", () => {
  const world = new World();
  const future = new FiberFuture<string>("answer");
  for (const name of ["a", "b"]) {
    world.group.start(name, function* () {
      world.trace.push(`${name} ${yield* future}`);
    });
  }
  world.clock.runUntilIdle();
  expect(future.isObserved).toBe(true);
  future.complete("yes");
  world.clock.runUntilIdle();
  expect(world.run(() => valueOf(future))).toBe("yes");
  expect(world.trace).toEqual(["a yes", "b yes"]);
  expect(future.isDone).toBe(true);
});

test("throws its error, the very object, in each waiter", () => {
  const world = new World();
  const future = new FiberFuture<string>("answer");
  const error = new Error("no answer");
  world.group.start("a", function* () {
    try {
      yield* future.wait();
    } catch (caught) {
      world.trace.push(caught === error);
    }
  });
  world.clock.runUntilIdle();
  future.fail(error);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([true]);
  expect(future.isFailed).toBe(true);
});

test("refuses a second outcome of either kind, and keeps the first", () => {
  const future = new FiberFuture<number>("answer");
  future.complete(1);
  expect(codeOf(() => future.complete(2))).toBe("DT_FIBER_FUTURE_COMPLETED");
  expect(codeOf(() => future.fail(new Error("late")))).toBe("DT_FIBER_FUTURE_COMPLETED");
  expect(future.tryComplete(3)).toBe(false);
  expect(future.tryFail(new Error("late"))).toBe(false);
  expect(new World().run(() => valueOf(future))).toBe(1);
});

test("a time limit throws a coded error and leaves the future to others", () => {
  const world = new World();
  const future = new FiberFuture<number>("answer");
  world.group.start("hasty", function* () {
    try {
      yield* future.wait(5);
    } catch (error) {
      world.trace.push(error);
    }
  });
  world.group.start("patient", function* () {
    world.trace.push(yield* future.wait(50));
  });
  world.clock.advance(10);
  future.complete(7);
  world.clock.advance(100);
  expect(world.trace).toMatchObject([
    {
      code: "DT_FIBER_TIMEOUT",
      fault: { waitingFor: "future answer", timeoutMs: 5 },
      message: "timed out after 5 ms waiting for future answer",
    },
    7,
  ]);
});

test("never runs a waiter inside complete, even one of another dispatcher", () => {
  const here = new World();
  const thereClock = new VirtualClock();
  const there = new Dispatcher({ clock: thereClock }).group("there");
  const future = new FiberFuture<string>("shared");
  const { trace } = here;
  there.start("waits there", function* () {
    trace.push(`there: ${yield* future}`);
  });
  here.group.start("waits here", function* () {
    trace.push(`here: ${yield* future}`);
  });
  thereClock.runUntilIdle();
  here.clock.runUntilIdle();
  here.group.start("completes", function* () {
    future.complete("done");
    trace.push("completed");
    yield* future;
  });
  here.clock.runUntilIdle();
  expect(trace).toEqual(["completed", "here: done"]);
  expect(thereClock.pendingDeferCount).toBe(1);
  thereClock.runUntilIdle();
  expect(trace).toEqual(["completed", "here: done", "there: done"]);
});

test("calls listeners once, in order, at once when it is done", () => {
  const future = new FiberFuture<number>("answer");
  const calls: string[] = [];
  const listen = (name: string): void => {
    future.listen({
      onValue: (value) => calls.push(`${name} ${value}`),
      onError: () => calls.push(`${name} failed`),
    });
  };
  listen("a");
  listen("b");
  expect(future.isObserved).toBe(true);
  future.complete(4);
  listen("c");
  expect(calls).toEqual(["a 4", "b 4", "c 4"]);
});
