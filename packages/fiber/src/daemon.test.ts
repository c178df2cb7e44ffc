import { expect, test } from "vitest";

import { World, codeOfError } from "../test/world.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { sleep, sleepUntilShutdown, yieldNow } from "./sleep.ts";

test("daemons are ended last, through their finally blocks, catch blocks left out", () => {
  const world = new World();
  const daemon = world.group.start(
    "daemon",
    function* () {
      try {
        yield* sleep(Infinity);
      } catch {
        world.trace.push("not reached");
      } finally {
        world.trace.push("cleaning");
        yield* sleep(5);
        world.trace.push(`clean@${world.clock.nowMs()}`);
      }
    },
    { daemon: true },
  );
  world.group.start("user", function* () {
    yield* sleepUntilShutdown();
    yield* sleep(10);
    world.trace.push("user done");
  });
  world.clock.advance(1);
  world.group.requestShutdown();
  world.clock.advance(100);
  expect(world.trace).toEqual(["user done", "cleaning", "clean@16"]);
  expect(world.group.isEnded).toBe(true);
  expect(daemon.result.isFailed).toBe(true);
});

test("who joins a daemon learns that it was ended with its group", () => {
  const world = new World();
  const daemon = world.group.start("daemon", () => sleepFor(Infinity), { daemon: true });
  const other = world.dispatcher.group("other");
  other.start("joins", function* () {
    try {
      yield* daemon.join();
    } catch (error) {
      world.trace.push(codeOfError(error));
    }
  });
  world.clock.runUntilIdle();
  world.group.requestShutdown();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["DT_FIBER_CANCELLED"]);
});

test("daemons that never wait long, never wait, or are not started yet are ended too", () => {
  const world = new World();
  world.group.start(
    "busy",
    function* () {
      for (;;) {
        yield* yieldNow();
      }
    },
    { daemon: true },
  );
  world.clock.setTimer(0, () => {
    world.group.start("new", () => sleepFor(1), { daemon: true });
    world.group.requestShutdown();
  });
  world.clock.setTimer(0, () => world.trace.push(world.group.isEnded));
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([false]);
  expect(world.group.isEnded).toBe(true);
});

test("a daemon that is about to run with its wake-up gets it before it is ended", () => {
  const world = new World();
  const future = new FiberFuture<string>("answer");
  world.group.start(
    "daemon",
    function* () {
      world.trace.push(yield* future);
      yield* sleep(1);
      world.trace.push("not reached");
    },
    { daemon: true },
  );
  world.clock.runUntilIdle();
  future.complete("delivered");
  world.group.requestShutdown();
  world.clock.advance(5);
  expect(world.trace).toEqual(["delivered"]);
  expect(world.group.isEnded).toBe(true);
});

test("what a daemon starts and posts while it is ended still runs", () => {
  const world = new World();
  world.group.start(
    "daemon",
    function* () {
      try {
        yield* sleep(Infinity);
      } finally {
        world.group.start("last words", function* () {
          yield* sleep(1);
          world.trace.push("last words");
        });
        world.group.post(() => world.trace.push("last task"));
      }
    },
    { daemon: true },
  );
  world.clock.runUntilIdle();
  world.group.requestShutdown();
  world.clock.advance(5);
  expect(world.trace).toEqual(["last task", "last words"]);
  expect(world.group.isEnded).toBe(true);
});

test("daemons are there for the last queued task", () => {
  const world = new World();
  const future = new FiberFuture<string>("answer");
  world.group.start(
    "daemon",
    function* () {
      world.trace.push(yield* future);
    },
    { daemon: true },
  );
  world.clock.runUntilIdle();
  world.group.post(() => future.complete("from the task"));
  world.group.requestShutdown();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["from the task"]);
  expect(world.group.isEnded).toBe(true);
});

test("a task posted by the very last finally block runs before the group ends", () => {
  const world = new World();
  world.group.start(
    "daemon",
    function* () {
      try {
        yield* sleep(Infinity);
      } finally {
        world.group.post(() => world.trace.push(`ended: ${world.group.isEnded}`));
      }
    },
    { daemon: true },
  );
  world.clock.runUntilIdle();
  world.group.requestShutdown();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["ended: false"]);
  expect(world.group.isEnded).toBe(true);
});

test("an error in a daemon's finally block fails the group", () => {
  const world = new World();
  world.group.start(
    "daemon",
    function* () {
      try {
        yield* sleep(Infinity);
      } finally {
        failToClean();
      }
    },
    { daemon: true },
  );
  world.clock.runUntilIdle();
  world.group.requestShutdown();
  expect(() => world.clock.runUntilIdle()).toThrow("uncaught error in fiber daemon");
});

function* sleepFor(ms: number): FiberGen<void> {
  yield* sleep(ms);
}

function failToClean(): never {
  throw new Error("from finally");
}
