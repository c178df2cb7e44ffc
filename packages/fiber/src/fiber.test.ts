import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import { FiberCondition } from "./fiber-condition.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen, FiberWait } from "./fiber-gen.ts";
import { join } from "./fiber.ts";
import { sleep, yieldNow } from "./sleep.ts";

test("a body may call others with yield* and use what they return", () => {
  const world = new World();
  function* twice(value: number): FiberGen<number> {
    yield* sleep(1);
    return value * 2;
  }
  const sum = world.run(function* () {
    return (yield* twice(1)) + (yield* twice(10));
  });
  expect(sum).toBe(22);
});

test("join returns the value, at once when the fiber has ended", () => {
  const world = new World();
  const worker = world.group.start("worker", function* () {
    yield* sleep(5);
    return "done";
  });
  const results = world.run(function* () {
    return [yield* join(worker), yield* worker.join(), worker.isEnded, world.clock.nowMs()];
  });
  expect(results).toEqual(["done", "done", true, 5]);
});

test("join with a time limit gives up and leaves the fiber running", () => {
  const world = new World();
  const worker = world.group.start("worker", function* () {
    yield* sleep(50);
    return "done";
  });
  world.group.start("joins", function* () {
    try {
      yield* worker.join(5);
    } catch (error) {
      world.trace.push(codeOfError(error), world.clock.nowMs());
    }
    world.trace.push(yield* worker.join());
  });
  world.clock.advance(100);
  expect(world.trace).toEqual(["DT_FIBER_TIMEOUT", 5, "done"]);
});

test("join throws the error of the fiber, and the group does not get it as well", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error) });
  const worker = world.group.start("worker", function* () {
    yield* sleep(5);
    throw new Error("from the worker");
  });
  expect(() => world.run(() => joinAll([worker]))).toThrow("from the worker");
  expect(errors).toEqual([]);
});

function* joinAll(fibers: readonly { join(): ReturnType<typeof join> }[]): FiberGen<void> {
  for (const fiber of fibers) {
    yield* fiber.join();
  }
}

test("a fiber cannot wait for its own end", () => {
  const world = new World();
  const fiber = world.group.start("self", function* (): FiberGen<void> {
    world.trace.push(codeOf(() => fiber.join()));
    yield* sleep(1);
  });
  world.clock.advance(5);
  expect(world.trace).toEqual(["DT_FIBER_ARGUMENT"]);
});

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

function* resultOf<T>(future: FiberFuture<T>): FiberGen<T> {
  return yield* future;
}

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

function* sleepForever(): FiberGen<void> {
  yield* sleep(Infinity);
}

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

test("an uncaught error names the fiber and shows its calls, innermost first", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error) });
  const cause = new Error("broken");
  function* outer(): FiberGen<void> {
    yield* inner();
  }
  function* inner(): FiberGen<void> {
    yield* sleep(1);
    Error.captureStackTrace(cause);
    throw cause;
  }
  world.group.start("unlucky", outer);
  world.clock.advance(5);
  expect(errors).toMatchObject([{ code: "DT_FIBER_UNCAUGHT", cause }]);
  const { fault, stack } = errors[0] as { fault: { virtualStack: string }; stack: string };
  const lines = fault.virtualStack.split("\n").map((line) => line.trim());
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^at inner .*fiber\.test/);
  expect(lines[1]).toMatch(/^at outer .*fiber\.test/);
  expect(lines[2]).toBe("at fiber unlucky of group group");
  expect(stack).toContain(fault.virtualStack);
});

test("an error made elsewhere is shown with the calls of the fiber it was thrown in", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error) });
  const future = new FiberFuture<void>("answer");
  function* asks(): FiberGen<void> {
    yield* future;
  }
  world.group.start("unlucky", asks);
  world.clock.runUntilIdle();
  future.fail(new Error("made by somebody else"));
  const limitBefore = Error.stackTraceLimit;
  Error.stackTraceLimit = 7;
  world.clock.runUntilIdle();
  expect(Error.stackTraceLimit).toBe(7);
  Error.stackTraceLimit = limitBefore;
  const { virtualStack } = (errors[0] as { fault: { virtualStack: string } }).fault;
  const lines = virtualStack.split("\n").map((line) => line.trim());
  expect(lines[0]).toMatch(/^at asks .*fiber\.test/);
  expect(lines.at(-1)).toBe("at fiber unlucky of group group");
});

test("what is thrown need not be an Error", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error.cause) });
  world.group.start("odd", function* () {
    yield* sleep(1);
    // oxlint-disable-next-line typescript/only-throw-error -- others' code does that
    throw "a string";
  });
  world.clock.advance(5);
  expect(errors).toEqual(["a string"]);
});

test("a body that throws before its first wait, or is no generator function, fails alike", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error.cause) });
  world.group.start("body", (): FiberGen<void> => {
    throw new Error("no generator");
  });
  world.group.start("early", function* (): FiberGen<void> {
    if (world.clock.nowMs() === 0) {
      throw new Error("too early");
    }
    yield* sleep(1);
  });
  world.clock.runUntilIdle();
  expect(errors).toMatchObject([{ message: "no generator" }, { message: "too early" }]);
  expect(world.group.dump().fibers).toEqual([]);
});

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

function failToClean(): never {
  throw new Error("from finally");
}
