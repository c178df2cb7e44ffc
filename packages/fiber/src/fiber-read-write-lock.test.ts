import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { FiberReadWriteLock } from "./fiber-read-write-lock.ts";
import { sleep } from "./sleep.ts";

function startReader(world: World, name: string, lock: FiberReadWriteLock, timeoutMs?: number) {
  return world.group.start(name, function* () {
    if (!(yield* lock.acquireRead(timeoutMs))) {
      world.trace.push(`${name} gave up@${world.clock.nowMs()}`);
      return;
    }
    try {
      world.trace.push(`${name} in@${world.clock.nowMs()}`);
      yield* sleep(10);
    } finally {
      lock.releaseRead();
    }
  });
}

function startWriter(world: World, name: string, lock: FiberReadWriteLock, timeoutMs?: number) {
  return world.group.start(name, function* () {
    if (!(yield* lock.acquireWrite(timeoutMs))) {
      world.trace.push(`${name} gave up@${world.clock.nowMs()}`);
      return;
    }
    try {
      world.trace.push(`${name} in@${world.clock.nowMs()}`);
      yield* sleep(10);
    } finally {
      lock.releaseWrite();
    }
  });
}

test("readers share it, a writer has it alone, and all go in the order they came", () => {
  const world = new World();
  const lock = new FiberReadWriteLock("index");
  startReader(world, "r1", lock);
  startReader(world, "r2", lock);
  startWriter(world, "w1", lock);
  startReader(world, "r3", lock);
  startReader(world, "r4", lock);
  startWriter(world, "w2", lock);
  world.clock.advance(100);
  expect(world.trace).toEqual([
    "r1 in@0",
    "r2 in@0",
    "w1 in@10",
    "r3 in@20",
    "r4 in@20",
    "w2 in@30",
  ]);
  expect(lock.readerCount).toBe(0);
  expect(lock.isWriteHeld).toBe(false);
});

test("readers behind a writer that gives up go in at once", () => {
  const world = new World();
  const lock = new FiberReadWriteLock("index");
  startReader(world, "r1", lock);
  startWriter(world, "hasty", lock, 3);
  startReader(world, "r2", lock);
  world.clock.advance(5);
  expect(world.trace).toEqual(["r1 in@0", "hasty gave up@3", "r2 in@3"]);
});

test("readers behind a writer that is interrupted go in at once", () => {
  const world = new World();
  const lock = new FiberReadWriteLock("index");
  startReader(world, "r1", lock);
  const writer = startWriter(world, "w1", lock);
  startReader(world, "r2", lock);
  world.clock.advance(2);
  writer.interrupt();
  world.clock.advance(2);
  expect(world.trace).toEqual(["r1 in@0", "r2 in@2"]);
});

test("refuses to be taken twice, upgraded, or released by one without it", () => {
  const world = new World();
  const lock = new FiberReadWriteLock("index");
  world.run(function* () {
    world.trace.push(
      codeOf(() => lock.releaseRead()),
      codeOf(() => lock.releaseWrite()),
    );
    yield* lock.acquireRead();
    world.trace.push(
      codeOf(() => lock.acquireRead()),
      codeOf(() => lock.acquireWrite()),
    );
    lock.releaseRead();
    yield* lock.acquireWrite();
    world.trace.push(
      codeOf(() => lock.acquireRead()),
      codeOf(() => lock.releaseRead()),
    );
    lock.releaseWrite();
  });
  expect(new Set(world.trace)).toEqual(new Set(["DT_FIBER_LOCK_MISUSE"]));
  expect(world.trace).toHaveLength(6);
});

test("a dump tells the writer or the number of readers", () => {
  const world = new World();
  const lock = new FiberReadWriteLock("index");
  startReader(world, "r1", lock);
  startReader(world, "r2", lock);
  startWriter(world, "w1", lock);
  startWriter(world, "w2", lock);
  world.clock.advance(1);
  expect(world.group.dump().fibers[2]?.waitingFor).toBe("lock index held by 2 readers");
  world.clock.advance(10);
  expect(world.group.dump().fibers[1]?.waitingFor).toBe("lock index held by w1");
});
