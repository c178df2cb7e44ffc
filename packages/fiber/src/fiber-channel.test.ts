import { expect, test } from "vitest";

import { World, codeOf } from "../test/world.ts";
import { FiberChannel } from "./fiber-channel.ts";
import { yieldNow } from "./sleep.ts";

function startTaker(world: World, name: string, channel: FiberChannel<number>, timeoutMs?: number) {
  return world.group.start(name, function* () {
    world.trace.push(`${name}: ${yield* channel.take(timeoutMs)}`);
  });
}

test("items come out in the order they went in", () => {
  const world = new World();
  const channel = new FiberChannel<number>(4, "items");
  expect([1, 2, 3, 4, 5].map((item) => channel.offer(item))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
  const taken = world.run(function* () {
    const items: (number | null)[] = [];
    for (let i = 0; i < 4; i++) {
      items.push(yield* channel.take());
    }
    return items;
  });
  expect(taken).toEqual([1, 2, 3, 4]);
  expect(channel.tryTake()).toBeNull();
});

test("takers are served in the order they came", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  startTaker(world, "a", channel);
  startTaker(world, "b", channel);
  world.clock.runUntilIdle();
  expect(channel.offer(1)).toBe(true);
  expect(channel.offer(2)).toBe(true);
  expect(channel.offer(3)).toBe(true);
  expect(channel.offer(4)).toBe(false);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["a: 1", "b: 2"]);
  expect(channel.size).toBe(1);
});

test("an item goes to the taker who waited, not to one who asks before he runs", () => {
  const world = new World();
  const channel = new FiberChannel<number>(4, "items");
  startTaker(world, "waiting", channel);
  world.clock.runUntilIdle();
  world.group.post(() => {
    channel.offer(1);
    expect(channel.tryTake()).toBeNull();
    channel.offer(2);
    expect(channel.tryTake()).toBe(2);
  });
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["waiting: 1"]);
});

test("put waits for room and keeps its place in front of later offers", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  world.group.start("putter", function* () {
    for (let i = 1; i <= 3; i++) {
      world.trace.push(`put ${i}: ${yield* channel.put(i)}`);
    }
  });
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["put 1: true"]);
  expect(channel.offer(99)).toBe(false);
  expect(channel.tryTake()).toBe(1);
  expect(channel.offer(99)).toBe(false);
  world.clock.runUntilIdle();
  expect(channel.tryTake()).toBe(2);
  world.clock.runUntilIdle();
  expect(channel.tryTake()).toBe(3);
  expect(world.trace).toEqual(["put 1: true", "put 2: true", "put 3: true"]);
});

test("a put that gave up leaves no item behind", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  channel.offer(1);
  world.group.start("hasty", function* () {
    world.trace.push(yield* channel.put(2, 5));
  });
  world.clock.advance(5);
  expect(world.trace).toEqual([false]);
  expect(channel.tryTake()).toBe(1);
  expect(channel.tryTake()).toBeNull();
});

test("a take that gave up takes nothing", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  startTaker(world, "hasty", channel, 5);
  world.clock.advance(5);
  expect(world.trace).toEqual(["hasty: null"]);
  channel.offer(1);
  expect(channel.size).toBe(1);
});

test("takeAll takes what is there at once, and everything of one turn when it had to wait", () => {
  const world = new World();
  const channel = new FiberChannel<number>(8, "items");
  channel.offer(1);
  channel.offer(2);
  world.group.start("batches", function* () {
    const items: number[] = [0];
    for (let i = 0; i < 2; i++) {
      world.trace.push(yield* channel.takeAll(items));
    }
    world.trace.push(items);
  });
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([2]);
  channel.offer(3);
  channel.offer(4);
  channel.offer(5);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([2, 3, [0, 1, 2, 3, 4, 5]]);
});

test("a take after a takeAll gets an item, not a count", () => {
  const world = new World();
  const channel = new FiberChannel<number>(4, "items");
  channel.offer(10);
  const taken = world.run(function* () {
    const results: unknown[] = [yield* channel.takeAll([])];
    channel.offer(20);
    results.push(yield* channel.take(), yield* channel.put(30));
    return results;
  });
  expect(taken).toEqual([1, 20, true]);
});

test("takeAll lets waiting putters in", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  world.group.start("putter", function* () {
    for (let i = 1; i <= 4; i++) {
      yield* channel.put(i);
    }
    channel.close();
  });
  const items: number[] = [];
  world.run(function* () {
    while ((yield* channel.takeAll(items)) > 0) {
      yield* yieldNow();
    }
  });
  expect(items).toEqual([1, 2, 3, 4]);
});

test("a taker between wake-up and resumption of a takeAll does not leave it with nothing", () => {
  const world = new World();
  const channel = new FiberChannel<number>(8, "items");
  const items: number[] = [];
  world.group.start("all", function* () {
    world.trace.push(yield* channel.takeAll(items));
  });
  world.clock.runUntilIdle();
  channel.offer(1);
  channel.offer(2);
  expect(channel.tryTake()).toBe(2);
  world.clock.runUntilIdle();
  expect(world.trace).toEqual([1]);
  expect(items).toEqual([1]);
});

test("close ends all waits, refuses items, and lets the queued ones be taken", () => {
  const world = new World();
  const empty = new FiberChannel<number>(1, "empty");
  startTaker(world, "taker", empty);
  world.group.start("all", function* () {
    world.trace.push(`all: ${yield* empty.takeAll([])}`);
  });
  const full = new FiberChannel<number>(1, "full");
  full.offer(1);
  world.group.start("putter", function* () {
    world.trace.push(`put: ${yield* full.put(2)}`);
    world.trace.push(`put: ${yield* full.put(3)}`);
  });
  world.clock.runUntilIdle();
  empty.close();
  full.close();
  full.close();
  world.clock.runUntilIdle();
  expect(world.trace).toEqual(["taker: null", "all: 0", "put: false", "put: false"]);
  expect(full.offer(4)).toBe(false);
  expect(full.tryTake()).toBe(1);
  expect(full.isClosed).toBe(true);
  const last = world.run(function* () {
    return [yield* full.take(), yield* full.takeAll([])];
  });
  expect(last).toEqual([null, 0]);
});

test("says what its fibers wait for", () => {
  const world = new World();
  const channel = new FiberChannel<number>(1, "items");
  startTaker(world, "taker", channel);
  world.clock.runUntilIdle();
  expect(world.group.dump().fibers[0]?.waitingFor).toBe("an item of channel items");
  channel.offer(1);
  channel.offer(2);
  world.clock.runUntilIdle();
  world.group.start("putter", function* () {
    yield* channel.put(3);
  });
  world.clock.runUntilIdle();
  expect(world.group.dump().fibers[0]?.waitingFor).toBe("room in channel items");
});

test.each([0, -1, 1.5, Number.NaN])("refuses a capacity of %s", (capacity) => {
  expect(codeOf(() => new FiberChannel<number>(capacity))).toBe("DT_FIBER_ARGUMENT");
});
