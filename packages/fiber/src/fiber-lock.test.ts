import { expect, test } from "vitest";

import { World, codeOf, codeOfError } from "../test/world.ts";
import { FiberLock } from "./fiber-lock.ts";
import { sleep } from "./sleep.ts";

test("is handed over in the order in which fibers asked", () => {
  const world = new World();
  const lock = new FiberLock("file");
  for (const name of ["a", "b", "c"]) {
    world.group.start(name, function* () {
      yield* lock.acquire();
      world.trace.push(`${name} in`);
      yield* sleep(5);
      world.trace.push(`${name} out`);
      lock.release();
    });
  }
  world.clock.advance(100);
  expect(world.trace).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
  expect(lock.isHeld).toBe(false);
});

test("cannot be taken by a newcomer between release and the wake-up of the next", () => {
  const world = new World();
  const lock = new FiberLock("file");
  world.group.start("first", function* () {
    yield* lock.acquire();
    yield* sleep(1);
    lock.release();
    world.trace.push(`newcomer ${lock.tryAcquire()}`);
  });
  world.group.start("next", function* () {
    yield* lock.acquire();
    world.trace.push("next in");
    lock.release();
  });
  world.clock.advance(5);
  expect(world.trace).toEqual(["newcomer false", "next in"]);
});

test("one who gave up or was interrupted is passed over", () => {
  const world = new World();
  const lock = new FiberLock("file");
  world.group.start("holder", function* () {
    yield* lock.acquire();
    yield* sleep(10);
    lock.release();
  });
  world.group.start("hasty", function* () {
    world.trace.push(`hasty ${yield* lock.acquire(5)}`);
  });
  const interrupted = world.group.start("interrupted", () => lock.hold(() => sleepLong()));
  world.group.start("patient", function* () {
    world.trace.push(`patient ${yield* lock.acquire(50)}@${world.clock.nowMs()}`);
    lock.release();
  });
  world.clock.advance(6);
  interrupted.interrupt();
  world.clock.advance(50);
  expect(world.trace).toEqual(["hasty false", "patient true@10"]);
});

function* sleepLong() {
  yield* sleep(1e6);
}

test("an interrupt of a fiber that was just given the lock does not lose it", () => {
  const world = new World();
  const lock = new FiberLock("file");
  const lucky = world.group.start("lucky", function* () {
    yield* sleep(1);
    yield* lock.acquire();
    try {
      world.trace.push("holds it");
      yield* sleep(1);
    } finally {
      lock.release();
      world.trace.push("released it");
    }
  });
  world.group.start("holder", function* () {
    yield* lock.acquire();
    yield* sleep(2);
    lock.release();
    lucky.interrupt();
  });
  world.clock.advance(10);
  expect(world.trace).toEqual(["holds it", "released it"]);
  expect(lock.isHeld).toBe(false);
});

test("hold releases the lock when the body throws", () => {
  const world = new World();
  const lock = new FiberLock("file");
  expect(() =>
    world.run(() =>
      lock.hold(function* () {
        yield* sleep(1);
        throw new Error("from the body");
      }),
    ),
  ).toThrow("from the body");
  expect(lock.isHeld).toBe(false);
});

test("refuses to be taken twice by one fiber, or released by one without it", () => {
  const world = new World();
  const lock = new FiberLock("file");
  world.run(function* () {
    world.trace.push(codeOf(() => lock.release()));
    yield* lock.acquire();
    world.trace.push(codeOf(() => lock.acquire()));
    yield* sleep(1);
    lock.release();
  });
  expect(world.trace).toEqual(["DT_FIBER_LOCK_MISUSE", "DT_FIBER_LOCK_MISUSE"]);
  expect(codeOf(() => lock.release())).toBe("DT_FIBER_OUTSIDE_FIBER");
  expect(codeOf(() => lock.tryAcquire())).toBe("DT_FIBER_OUTSIDE_FIBER");
});

test("a fiber that ends with the lock in hand is reported", () => {
  const errors: unknown[] = [];
  const world = new World({}, { onError: (error) => errors.push(error.cause) });
  const lock = new FiberLock("file");
  world.group.start("forgetful", function* () {
    yield* lock.acquire();
  });
  world.clock.runUntilIdle();
  expect(errors.map(codeOfError)).toEqual(["DT_FIBER_LOCK_MISUSE"]);
  expect(errors).toMatchObject([{ fault: { lock: "file" } }]);
});

test("a dump names the holder", () => {
  const world = new World();
  const lock = new FiberLock("file");
  for (const name of ["holder", "waiter"]) {
    world.group.start(name, () => lock.hold(sleepLong));
  }
  world.clock.runUntilIdle();
  expect(world.group.dump().fibers[1]?.waitingFor).toBe("lock file held by holder");
});
