import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { formatDump } from "./group-dump.ts";
import { sleep, sleepUntilShutdown } from "./sleep.ts";

test("a group without work lives until its shutdown is requested", () => {
  const world = new World();
  world.clock.advance(1000);
  expect(world.group.isEnded).toBe(false);
  world.group.requestShutdown();
  expect(world.group.isEnded).toBe(true);
  expect(world.group.shutdownFuture.isDone).toBe(true);
  world.group.requestShutdown();
});

test("a group ends when its last fiber has ended", () => {
  const world = new World();
  for (const ms of [10, 30]) {
    world.group.start(`sleeps ${ms}`, () => sleepFor(ms));
  }
  world.clock.runUntilIdle();
  world.group.requestShutdown();
  expect(world.group.isShutdown).toBe(true);
  world.clock.advance(10);
  expect(world.group.isEnded).toBe(false);
  world.clock.advance(20);
  expect(world.group.isEnded).toBe(true);
});

test("posted tasks run in order, between fibers, and before the group ends", () => {
  const world = new World();
  for (let i = 0; i < 3; i++) {
    world.group.post(() => world.trace.push(i));
  }
  world.group.requestShutdown();
  expect(world.group.isEnded).toBe(false);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([0, 1, 2]);
  expect(world.group.isEnded).toBe(true);
});

test("a task may post, start fibers and request the shutdown", () => {
  const world = new World();
  world.group.post(() => {
    world.group.post(() => world.trace.push("second task"));
    world.group.start("fiber", function* () {
      world.trace.push("fiber");
      yield* sleep(1);
    });
    world.group.requestShutdown();
    world.trace.push("first task");
  });
  world.clock.advance(5);
  expect(world.trace).toEqual(["first task", "fiber", "second task"]);
  expect(world.group.isEnded).toBe(true);
});

test("after the end every way in is refused, and the promise of run rejects", async () => {
  const world = new World();
  world.group.requestShutdown();
  expect(codeOf(() => world.group.post(() => {}))).toBe("DT_FIBER_GROUP_ENDED");
  expect(codeOf(() => world.group.start("late", () => sleepFor(1)))).toBe("DT_FIBER_GROUP_ENDED");
  await expect(world.group.run("late", () => sleepFor(1))).rejects.toMatchObject({
    code: "DT_FIBER_GROUP_ENDED",
  });
});

test("tasks beyond the limit are refused, and room comes back", () => {
  const world = new World({}, { maxQueuedTasks: 2 });
  const task = (): number => world.trace.push("ran");
  world.group.post(task);
  world.group.post(task);
  expect(codeOf(() => world.group.post(task))).toBe("DT_FIBER_TASKS_FULL");
  world.clock.runUntilIdle();
  world.group.post(task);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["ran", "ran", "ran"]);
});

test("more tasks than one resumption takes all run", () => {
  const world = new World();
  for (let i = 0; i < 2500; i++) {
    world.group.post(() => world.trace.push(i));
  }
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(Array.from({ length: 2500 }, (_, i) => i));
});

test("run resolves with the value and rejects with the error, which the group does not get", async () => {
  const world = new World();
  const value = world.group.run("works", function* () {
    yield* sleep(1);
    return 7;
  });
  const failure = world.group.run("fails", function* () {
    yield* sleep(1);
    throw new Error("to the caller");
  });
  world.clock.advance(5);
  expect(await value).toBe(7);
  await expect(failure).rejects.toThrow("to the caller");
  expect(world.group.isShutdown).toBe(false);
});

test("a dump lists each fiber and what it waits for", () => {
  const world = new World();
  const future = new FiberFuture<void>("answer");
  const sleeper = world.group.start("sleeper", () => sleepFor(5));
  world.group.start("waiter", function* () {
    yield* future;
  });
  world.group.start("joiner", function* () {
    yield* sleeper.join();
  });
  world.group.start(
    "guard",
    function* () {
      yield* sleepUntilShutdown();
    },
    { daemon: true },
  );
  world.group.start("dumper", function* () {
    yield* sleep(1);
    world.trace.push(world.group.dump());
    world.group.post(() => {});
    world.group.start("new", () => sleepFor(1));
    world.trace.push(formatDump(world.group.dump()));
  });
  world.clock.advance(2);
  expect(world.trace[0]).toEqual({
    name: "group",
    stage: "running",
    queuedTaskCount: 0,
    fibers: [
      { name: "sleeper", isDaemon: false, state: "waiting", waitingFor: "time to pass" },
      { name: "waiter", isDaemon: false, state: "waiting", waitingFor: "future answer" },
      {
        name: "joiner",
        isDaemon: false,
        state: "waiting",
        waitingFor: "future result of fiber sleeper",
      },
      {
        name: "guard",
        isDaemon: true,
        state: "waiting",
        waitingFor: "shutdown or time to pass",
      },
      { name: "dumper", isDaemon: false, state: "running", waitingFor: null },
    ],
  });
  expect(String(world.trace[1]).split("\n")).toEqual([
    "group group: running, 1 queued tasks",
    "  fiber sleeper: waiting for time to pass",
    "  fiber waiter: waiting for future answer",
    "  fiber joiner: waiting for future result of fiber sleeper",
    "  daemon guard: waiting for shutdown or time to pass",
    "  fiber dumper: running",
    "  fiber new: ready",
  ]);
});

test("refuses bad options, all at once", () => {
  const world = new World();
  const bad = { priority: 7, maxQueuedTasks: 0, speed: "high" } as object;
  expect(() => world.dispatcher.group("bad", bad)).toThrow(
    "bad options: speed is not an option; priority must be 0, 1 or 2, got 7; " +
      "maxQueuedTasks must be an integer of at least 1, got 0",
  );
  const start = (): unknown => world.group.start("bad", () => sleepFor(1), { priority: 3 });
  expect(codeOf(start)).toBe("DT_FIBER_ARGUMENT");
});

function* sleepFor(ms: number): FiberGen<void> {
  yield* sleep(ms);
}
