import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeadlineWheel } from "./deadline-wheel.ts";
import { Liveness } from "./liveness.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Watched {
  readonly liveness: Liveness;
  /** When pings were sent, and when the peer was given up, in milliseconds since the start. */
  readonly pingsMs: number[];
  readonly givenUpMs: number[];
  /** What the peer reads; and when it was given up because it reads nothing. */
  readonly reading: { isWaiting: boolean; writesDone: number };
  readonly stuckMs: number[];
}

function watch(): Watched {
  const startMs = performance.now();
  const pingsMs: number[] = [];
  const givenUpMs: number[] = [];
  const stuckMs: number[] = [];
  const reading = { isWaiting: false, writesDone: 0 };
  const liveness = new Liveness(
    new DeadlineWheel(),
    { pingIntervalMs: 1000, peerTimeoutMs: 3500 },
    () => pingsMs.push(performance.now() - startMs),
    () => givenUpMs.push(performance.now() - startMs),
    reading,
    () => stuckMs.push(performance.now() - startMs),
  );
  return { liveness, pingsMs, givenUpMs, reading, stuckMs };
}

/** Whole half seconds: each wait may take two ticks of the wheel longer. */
function rounded(times: readonly number[]): number[] {
  return times.map((ms) => Math.floor(ms / 500) * 500);
}

test("pings in silence, and gives the peer up after the timeout", () => {
  const { pingsMs, givenUpMs } = watch();
  vi.advanceTimersByTime(10_000);
  expect(rounded(pingsMs)).toEqual([1000, 2000, 3000]);
  expect(rounded(givenUpMs)).toEqual([3500]);
});

test("does not ping while things arrive", () => {
  const { liveness, pingsMs, givenUpMs } = watch();
  for (let elapsed = 0; elapsed < 10_000; elapsed += 500) {
    vi.advanceTimersByTime(500);
    liveness.onChunk(16, true, performance.now());
  }
  expect([pingsMs, givenUpMs]).toEqual([[], []]);
});

test("starts over with each sign of life", () => {
  const { liveness, pingsMs, givenUpMs } = watch();
  vi.advanceTimersByTime(3400);
  liveness.onChunk(16, true, performance.now());
  vi.advanceTimersByTime(3300);
  expect(givenUpMs).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(rounded(givenUpMs)).toEqual([7000]);
  expect(pingsMs.length).toBe(6);
});

test("takes a good part of a frame for a sign of life, single bytes for none", () => {
  const { liveness, givenUpMs } = watch();
  for (let elapsed = 0; elapsed < 10_000; elapsed += 500) {
    vi.advanceTimersByTime(500);
    liveness.onChunk(1000, false, performance.now());
  }
  expect(givenUpMs).toEqual([]);
  for (let elapsed = 0; elapsed < 10_000; elapsed += 500) {
    vi.advanceTimersByTime(500);
    liveness.onChunk(1, false, performance.now());
  }
  expect(givenUpMs).toHaveLength(1);
});

test("gives a peer that is silent because this process stood still its time to answer", () => {
  const { liveness, givenUpMs, pingsMs } = watch();
  let standsStillMs = 0;
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + standsStillMs);
  vi.advanceTimersByTime(500);
  standsStillMs = 60_000;
  vi.advanceTimersByTime(1000);
  expect(pingsMs).toHaveLength(1);
  liveness.onChunk(16, true, performance.now());
  vi.advanceTimersByTime(900);
  expect(givenUpMs).toEqual([]);
});

test("stops when it is told to", () => {
  const { liveness, pingsMs } = watch();
  liveness.stop();
  vi.advanceTimersByTime(10_000);
  expect(pingsMs).toEqual([]);
});

test("gives up a peer that sends but reads nothing, not one that reads now and then", () => {
  const { liveness, givenUpMs, reading, stuckMs } = watch();
  reading.isWaiting = true;
  for (let second = 0; second < 30; second++) {
    vi.advanceTimersByTime(1000);
    liveness.onChunk(16, true, performance.now());
    if (second % 5 === 0) {
      reading.writesDone++;
    }
  }
  expect(stuckMs).toEqual([]);
  const readMs = 26_000;
  for (let second = 30; second < 60 && stuckMs.length === 0; second++) {
    vi.advanceTimersByTime(1000);
    liveness.onChunk(16, true, performance.now());
  }
  expect(stuckMs).toHaveLength(1);
  expect(stuckMs[0]).toBeGreaterThanOrEqual(readMs + 7000);
  expect(stuckMs[0]).toBeLessThan(readMs + 10_000);
  expect(givenUpMs).toEqual([]);
});
