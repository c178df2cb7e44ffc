import { getHeapStatistics } from "node:v8";

import { expect, test } from "vitest";

import { FiberCondition, sleep } from "../src/index.ts";
import { World } from "./world.ts";

interface HeapCounters {
  /** Missing in older versions of Node. */
  readonly total_allocated_bytes?: number;
}

function allocatedBytes(): number | undefined {
  const statistics: HeapCounters = getHeapStatistics();
  return statistics.total_allocated_bytes;
}

/** Bytes allocated per round of `body`, once it is compiled. */
function bytesPerRound(world: World, body: (rounds: number) => void): number {
  const rounds = 50_000;
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    const before = allocatedBytes() ?? 0;
    body(rounds);
    world.clock.runUntilIdle();
    least = Math.min(least, ((allocatedBytes() ?? 0) - before) / rounds);
  }
  return least;
}

const canCount = allocatedBytes() !== undefined;

test.runIf(canCount)("parking on a condition and waking allocates next to nothing", () => {
  const world = new World();
  const ping = new FiberCondition("ping");
  const pong = new FiberCondition("pong");
  const bytes = bytesPerRound(world, (rounds) => {
    world.group.start("answers", function* () {
      for (let i = 0; i < rounds; i++) {
        yield* ping.wait();
        pong.signal();
      }
    });
    world.group.start("asks", function* () {
      for (let i = 0; i < rounds; i++) {
        ping.signal();
        yield* pong.wait();
      }
    });
  });
  expect(bytes).toBeLessThan(32);
});

test.runIf(canCount)("a time limit costs one timer object", () => {
  const world = new World();
  const condition = new FiberCondition("condition");
  const bytes = bytesPerRound(world, (rounds) => {
    world.group.start("waits", function* () {
      for (let i = 0; i < rounds; i++) {
        yield* condition.wait(1000);
      }
    });
    world.group.start("signals", function* () {
      for (let i = 0; i < rounds; i++) {
        yield* sleep(0);
        condition.signal();
      }
    });
  });
  expect(bytes).toBeLessThan(400);
});
