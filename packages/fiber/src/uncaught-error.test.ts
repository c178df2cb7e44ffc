import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { sleep, sleepUntilShutdown, yieldNow } from "./sleep.ts";

test("an uncaught error shuts the group down and fails its shutdownFuture", () => {
  const world = new World();
  const outcomes: unknown[] = [];
  world.group.shutdownFuture.listen({
    onValue: () => outcomes.push("ended well"),
    onError: (error) => outcomes.push(error),
  });
  world.group.start("other", function* () {
    world.trace.push(yield* sleepUntilShutdown());
  });
  world.group.start("broken", function* () {
    yield* sleep(1);
    throw new Error("broken");
  });
  world.clock.advance(5);
  expect(world.trace).toEqual([true]);
  expect(outcomes).toMatchObject([
    { code: "DT_FIBER_UNCAUGHT", fault: { fiber: "broken", group: "group" } },
  ]);
});

test("an uncaught error that nobody looks at is thrown out of the clock", () => {
  const world = new World();
  world.group.start("broken", function* () {
    yield* sleep(1);
    throw new Error("broken");
  });
  expect(() => world.clock.advance(5)).toThrow("uncaught error in fiber broken of group group");
  expect(world.group.isEnded).toBe(true);
});

test("several uncaught errors are all in the outcome", () => {
  const world = new World();
  const outcomes: unknown[] = [];
  world.group.shutdownFuture.listen({
    onValue: () => {},
    onError: (error) => outcomes.push(error),
  });
  for (const name of ["a", "b"]) {
    world.group.start(name, function* () {
      yield* sleep(1);
      throw new Error(`${name} is broken`);
    });
  }
  world.clock.advance(5);
  const errors = (outcomes[0] as AggregateError).errors as Error[];
  expect(errors.map((error) => (error.cause as Error).message)).toEqual([
    "a is broken",
    "b is broken",
  ]);
});

test("an error of a task is reported like that of a fiber, and later tasks run", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error.fault, error.cause) });
  world.group.post(() => {
    throw new Error("from a task");
  });
  world.group.post(() => world.trace.push("next task"));
  world.clock.runUntilIdle();
  expect(errors).toMatchObject([{ fiber: "(task)" }, { message: "from a task" }]);
  expect(world.trace).toEqual(["next task"]);
});

test("onError keeps the group alive, unless it throws itself", () => {
  const seen: unknown[] = [];
  const world = new World(
    {},
    {
      onError: (error, group) => {
        seen.push(codeOfError(error), group.name);
        if (seen.length > 2) {
          throw error;
        }
      },
    },
  );
  const outcomes: unknown[] = [];
  world.group.shutdownFuture.listen({
    onValue: () => {},
    onError: (error) => outcomes.push(error),
  });
  const startBroken = (): void => {
    world.group.start("broken", function* (): FiberGen<void> {
      yield* sleep(1);
      throw new Error("broken");
    });
  };
  startBroken();
  world.clock.advance(5);
  expect(world.group.isShutdown).toBe(false);
  startBroken();
  world.clock.advance(5);
  expect(seen).toEqual(["DT_FIBER_UNCAUGHT", "group", "DT_FIBER_UNCAUGHT", "group"]);
  expect(outcomes).toMatchObject([{ code: "DT_FIBER_UNCAUGHT", cause: { message: "broken" } }]);
});

test("neither a task nor onError runs as the fiber that ran before it", () => {
  const codes: string[] = [];
  const world = new World({}, { onError: () => codes.push(codeOf(() => sleep(1))) });
  world.group.start("broken", function* (): FiberGen<void> {
    yield* yieldNow();
    world.group.post(() => codes.push(codeOf(() => sleep(1))));
    yield* yieldNow();
    throw new Error("broken");
  });
  world.clock.runUntilIdle();
  expect(codes).toEqual(["DT_FIBER_OUTSIDE_FIBER", "DT_FIBER_OUTSIDE_FIBER"]);
});

test("an error thrown by onError is not lost, nor the one it was called for", () => {
  const world = new World(
    {},
    {
      onError: () => {
        throw new Error("from onError");
      },
    },
  );
  world.group.start("broken", function* () {
    yield* sleep(1);
    throw new Error("broken");
  });
  let thrown: unknown;
  try {
    world.clock.advance(5);
  } catch (error) {
    thrown = error;
  }
  const causes = ((thrown as AggregateError).errors as Error[]).map((error) => error.cause);
  expect(causes).toMatchObject([{ message: "broken" }, { message: "from onError" }]);
});
