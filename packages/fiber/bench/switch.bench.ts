// What does one fiber switch cost, and how much does it allocate?
// Run: node dist/bench/switch.bench.js
import { cpus } from "node:os";
import { getHeapStatistics } from "node:v8";

import { Dispatcher, FiberChannel, FiberCondition, FiberFuture } from "../src/index.ts";
import { NodeClock, VirtualClock, sleep, yieldNow } from "../src/index.ts";
import type { Clock, FiberGen, FiberGroup } from "../src/index.ts";

const ROUNDS = 7;
const SWITCHES_PER_ROUND = 1_000_000;
const FIBER_COUNT = 64;

/** Starts fibers that switch about `switchCount` times in all and then end. */
type Load = (group: FiberGroup, switchCount: number) => void;

const loads: readonly [name: string, load: Load][] = [
  ["yieldNow, 64 fibers", (group, n) => startAll(group, n, yieldTimes)],
  ["yieldNow, 3 calls deep", (group, n) => startAll(group, n, (times) => call(2, times))],
  ["condition, 2 fibers in turn", (group, n) => conditionPair(group, n, Infinity)],
  ["condition with timeout", (group, n) => conditionPair(group, n, 1000)],
  ["channel, put and take", channelPair],
  ["channel, batches of 64 by takeAll (per item)", channelBatches],
  ["future, one per switch", futurePair],
  ["sleep, one timer per switch", (group, n) => startAll(group, n, sleepTimes)],
];

function startAll(group: FiberGroup, n: number, body: (times: number) => FiberGen<void>): void {
  for (let i = 0; i < FIBER_COUNT; i++) {
    group.start(`fiber ${i}`, () => body(n / FIBER_COUNT));
  }
}

function* yieldTimes(times: number): FiberGen<void> {
  for (let i = 0; i < times; i++) {
    yield* yieldNow();
  }
}

function* call(depth: number, times: number): FiberGen<void> {
  yield* depth === 0 ? yieldTimes(times) : call(depth - 1, times);
}

function* sleepTimes(times: number): FiberGen<void> {
  for (let i = 0; i < times; i++) {
    yield* sleep(1);
  }
}

function conditionPair(group: FiberGroup, n: number, timeoutMs: number): void {
  const ping = new FiberCondition("ping");
  const pong = new FiberCondition("pong");
  group.start("answers", function* () {
    for (let i = 0; i < n / 2; i++) {
      yield* ping.wait(timeoutMs);
      pong.signal();
    }
  });
  group.start("asks", function* () {
    for (let i = 0; i < n / 2; i++) {
      ping.signal();
      yield* pong.wait(timeoutMs);
    }
  });
}

function channelPair(group: FiberGroup, n: number): void {
  const channel = new FiberChannel<number>(1, "items");
  group.start("puts", function* () {
    for (let i = 0; i < n / 2; i++) {
      yield* channel.put(i);
    }
  });
  group.start("takes", function* () {
    for (let i = 0; i < n / 2; i++) {
      yield* channel.take();
    }
  });
}

function channelBatches(group: FiberGroup, n: number): void {
  const channel = new FiberChannel<number>(64, "items");
  group.start("offers", function* () {
    for (let i = 0; i < n; i++) {
      if (!channel.offer(i)) {
        yield* yieldNow();
        channel.offer(i);
      }
    }
    channel.close();
  });
  group.start("takes", function* () {
    const items: number[] = [];
    while ((yield* channel.takeAll(items)) > 0) {
      items.length = 0;
    }
  });
}

function futurePair(group: FiberGroup, n: number): void {
  let future = new FiberFuture<number>("answer");
  group.start("completes", function* () {
    for (let i = 0; i < n; i++) {
      future.complete(i);
      yield* yieldNow();
    }
  });
  group.start("waits", function* () {
    for (let i = 0; i < n; i++) {
      yield* future.wait();
      future = new FiberFuture<number>("answer");
    }
  });
}

/** The floor: resuming bare generators in a loop, without a scheduler. */
function bareGenerators(switchCount: number): number {
  const bodies = Array.from({ length: FIBER_COUNT }, () => count(switchCount / FIBER_COUNT));
  const startNs = process.hrtime.bigint();
  for (let left = bodies.length; left > 0;) {
    for (const body of bodies) {
      if (body.next().done === true) {
        left -= 1;
      }
    }
  }
  return Number(process.hrtime.bigint() - startNs) / switchCount;
}

function* count(times: number): Generator<number, void, unknown> {
  for (let i = 0; i < times; i++) {
    yield i;
  }
}

function measure(load: Load): { ns: number; bytes: number } {
  let ns = Infinity;
  let bytes = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const clock = new VirtualClock();
    const group = new Dispatcher({ clock }).group("bench");
    load(group, SWITCHES_PER_ROUND);
    const bytesBefore = allocatedBytes();
    const startNs = process.hrtime.bigint();
    clock.advance(SWITCHES_PER_ROUND);
    ns = Math.min(ns, Number(process.hrtime.bigint() - startNs) / SWITCHES_PER_ROUND);
    bytes = Math.min(bytes, (allocatedBytes() - bytesBefore) / SWITCHES_PER_ROUND);
  }
  return { ns, bytes };
}

/** Bytes allocated since the start of the process; NaN where Node does not count them. */
function allocatedBytes(): number {
  const statistics: { readonly total_allocated_bytes?: number } = getHeapStatistics();
  return statistics.total_allocated_bytes ?? Number.NaN;
}

/** One turn per switch: what a wake-up from outside, such as a finished write, costs. */
async function measureTurns(clock: Clock): Promise<number> {
  const turns = 20_000;
  const dispatcher = new Dispatcher({ clock, turnBudget: 1 });
  const group = dispatcher.group("bench");
  const startNs = process.hrtime.bigint();
  await group.run("turns", () => yieldTimes(turns));
  const ns = Number(process.hrtime.bigint() - startNs) / turns;
  await dispatcher.close();
  return ns;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown CPU"}, ${process.platform}`);
print(`best of ${ROUNDS} rounds of ${SWITCHES_PER_ROUND} switches; ns | bytes per switch`);
let floorNs = Infinity;
for (let round = 0; round < ROUNDS; round++) {
  floorNs = Math.min(floorNs, bareGenerators(SWITCHES_PER_ROUND));
}
print(`${"bare generators, no scheduler".padEnd(46)} ${floorNs.toFixed(1).padStart(7)}`);
for (const [name, load] of loads) {
  const { ns, bytes } = measure(load);
  print(`${name.padEnd(46)} ${ns.toFixed(1).padStart(7)} | ${bytes.toFixed(1)}`);
}
const turnNs = await measureTurns(new NodeClock());
print(
  `${"one event-loop turn per switch (NodeClock)".padEnd(46)} ${turnNs.toFixed(0).padStart(7)}`,
);
