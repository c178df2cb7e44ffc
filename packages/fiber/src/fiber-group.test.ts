import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { formatDump } from "./group-dump.ts";
import { sleep, sleepUntilShutdown, yieldNow } from "./sleep.ts";

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

function* sleepFor(ms: number): FiberGen<void> {
  yield* sleep(ms);
}

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

function failToClean(): never {
  throw new Error("from finally");
}
