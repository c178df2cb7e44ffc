import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { join } from "./fiber.ts";
import { sleep } from "./sleep.ts";

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

test("a fiber cannot wait for its own end", () => {
  const world = new World();
  const fiber = world.group.start("self", function* (): FiberGen<void> {
    world.trace.push(codeOf(() => fiber.join()));
    yield* sleep(1);
  });
  world.clock.advance(5);
  expect(world.trace).toEqual(["DT_FIBER_ARGUMENT"]);
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

function* joinAll(fibers: readonly { join(): ReturnType<typeof join> }[]): FiberGen<void> {
  for (const fiber of fibers) {
    yield* fiber.join();
  }
}
