// Whatever order ready fibers are run in, what the primitives promise must hold.
import fc from "fast-check";
import { expect, test } from "vitest";

import {
  FiberChannel,
  FiberCondition,
  FiberLock,
  FiberReadWriteLock,
  SeededPolicy,
  sleep,
  yieldNow,
} from "../src/index.ts";
import type { FiberGen } from "../src/index.ts";
import { World, codeOfError } from "./world.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const delays = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 });

function* pause(delay: number): FiberGen<void> {
  yield* delay === 0 ? yieldNow() : sleep(delay);
}

function seededWorld(seed: number): World {
  return new World({ policy: new SeededPolicy(seed), turnBudget: 1 + (seed % 5) });
}

test("a channel with takers of both kinds loses nothing and hands out nothing twice", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 4 }), delays, (seed, capacity, waits) => {
      const world = seededWorld(seed);
      const channel = new FiberChannel<[producer: number, seq: number]>(capacity, "items");
      const received: [producer: number, seq: number][] = [];
      let producersLeft = 3;
      for (let id = 0; id < 3; id++) {
        world.group.start(`producer ${id}`, function* () {
          for (let seq = 0; seq < 12; seq++) {
            if (!channel.offer([id, seq]) && !(yield* channel.put([id, seq]))) {
              throw new Error("closed too early");
            }
            yield* pause(waits[(id + seq) % waits.length] ?? 0);
          }
          producersLeft -= 1;
          if (producersLeft === 0) {
            channel.close();
          }
        });
      }
      world.group.start("one at a time", function* () {
        while (!channel.isClosed || channel.size > 0) {
          const item = yield* channel.take(2);
          if (item !== null) {
            received.push(item);
          }
          yield* pause(waits[0] ?? 0);
        }
      });
      world.group.start("in batches", function* () {
        while (!channel.isClosed || channel.size > 0) {
          yield* channel.takeAll(received, 3);
        }
      });
      world.clock.advance(5000);
      expect(world.group.dump().fibers).toEqual([]);
      expect(received).toHaveLength(36);
      expect(new Set(received.map(([id, seq]) => `${id}.${seq}`)).size).toBe(36);
    }),
    { numRuns: 60 },
  );
});

test("one consumer sees each producer's items in order, none missing, none twice", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 4 }), delays, (seed, capacity, waits) => {
      const world = seededWorld(seed);
      const channel = new FiberChannel<[producer: number, seq: number]>(capacity, "items");
      const received: [producer: number, seq: number][] = [];
      const producers = [0, 1, 2].map((id) =>
        world.group.start(`producer ${id}`, function* () {
          for (let seq = 0; seq < 10; seq++) {
            yield* channel.put([id, seq]);
            yield* pause(waits[(id + seq) % waits.length] ?? 0);
          }
        }),
      );
      world.group.start("closes", function* () {
        for (const producer of producers) {
          yield* producer.join();
        }
        channel.close();
      });
      world.group.start("consumer", function* () {
        while ((yield* channel.takeAll(received)) > 0) {
          yield* pause(waits[0] ?? 0);
          const single = channel.tryTake();
          if (single !== null) {
            received.push(single);
          }
        }
      });
      world.clock.advance(5000);
      for (let id = 0; id < 3; id++) {
        const seqs = received.filter(([producer]) => producer === id).map(([, seq]) => seq);
        expect(seqs).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      }
    }),
    { numRuns: 100 },
  );
});

test("a lock has one holder and is granted in the order of the requests", () => {
  fc.assert(
    fc.property(seeds, delays, (seed, waits) => {
      const world = seededWorld(seed);
      const lock = new FiberLock("lock");
      const asked: string[] = [];
      const granted: string[] = [];
      let holderCount = 0;
      for (let id = 0; id < 5; id++) {
        world.group.start(`fiber ${id}`, function* () {
          for (let i = 0; i < 6; i++) {
            yield* pause(waits[(id * 7 + i) % waits.length] ?? 0);
            asked.push(`${id}.${i}`);
            yield* lock.acquire();
            granted.push(`${id}.${i}`);
            holderCount += 1;
            expect(holderCount).toBe(1);
            yield* pause(waits[i % waits.length] ?? 0);
            holderCount -= 1;
            lock.release();
          }
        });
      }
      world.clock.advance(5000);
      expect(granted).toHaveLength(30);
      expect(granted).toEqual(asked);
    }),
    { numRuns: 100 },
  );
});

test("a read-write lock never has a writer beside anyone, and nobody is left waiting", () => {
  fc.assert(
    fc.property(seeds, delays, (seed, waits) => {
      const world = seededWorld(seed);
      const lock = new FiberReadWriteLock("lock");
      let readers = 0;
      let writers = 0;
      const check = (): void => {
        expect(writers === 0 || (writers === 1 && readers === 0)).toBe(true);
      };
      for (let id = 0; id < 6; id++) {
        world.group.start(`fiber ${id}`, function* () {
          for (let i = 0; i < 6; i++) {
            const delay = waits[(id * 5 + i) % waits.length] ?? 0;
            yield* pause(delay);
            const timeoutMs = (id + i) % 4 === 0 ? 2 : Infinity;
            if ((id + i) % 3 === 0) {
              if (yield* lock.acquireWrite(timeoutMs)) {
                writers += 1;
                check();
                yield* pause(delay);
                writers -= 1;
                lock.releaseWrite();
              }
            } else if (yield* lock.acquireRead(timeoutMs)) {
              readers += 1;
              check();
              yield* pause(delay);
              readers -= 1;
              lock.releaseRead();
            }
          }
        });
      }
      world.clock.advance(5000);
      expect(world.group.dump().fibers).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test("under interrupts and time limits, every signal wakes exactly one waiter that is there", () => {
  fc.assert(
    fc.property(seeds, delays, (seed, waits) => {
      const world = seededWorld(seed);
      const condition = new FiberCondition("condition");
      let delivered = 0;
      let received = 0;
      const waiters = [0, 1, 2, 3].map((id) =>
        world.group.start(`waiter ${id}`, function* () {
          for (let i = 0; i < 20; i++) {
            try {
              if (yield* condition.wait((id + i) % 3 === 0 ? 1 : Infinity)) {
                received += 1;
              }
            } catch (error) {
              expect(codeOfError(error)).toBe("DT_FIBER_INTERRUPTED");
            }
          }
        }),
      );
      world.group.start("signals and interrupts", function* () {
        for (let i = 0; waiters.some((waiter) => !waiter.isEnded); i++) {
          const delay = waits[i % waits.length] ?? 0;
          if (delay === 3) {
            waiters[i % 4]?.interrupt();
          }
          if (condition.signal()) {
            delivered += 1;
          }
          if (delay === 2) {
            waiters[(i + 1) % 4]?.interrupt();
          }
          yield* pause(delay);
        }
      });
      world.clock.advance(5000);
      expect(world.group.dump().fibers).toEqual([]);
      expect(received).toBe(delivered);
      expect(condition.hasWaiters).toBe(false);
      expect(world.clock.pendingTimerCount).toBe(0);
    }),
    { numRuns: 100 },
  );
});
