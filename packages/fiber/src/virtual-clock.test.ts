import { expect, test } from "vitest";

import { codeOf } from "../test/world.ts";
import { VIRTUAL_CLOCK_DEFAULTS, VirtualClock } from "./virtual-clock.ts";

test("time stands still until it is moved", () => {
  const clock = new VirtualClock({ wallStartMs: 1_000_000 });
  clock.advance(12.75);
  expect(clock.nowMs()).toBe(12.75);
  expect(clock.wallMs()).toBe(1_000_012);
});

test("fires timers by deadline and then by the order they were set", () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  for (const [name, atMs] of [
    ["c", 20],
    ["a", 10],
    ["b", 10],
    ["late", 31],
  ] as const) {
    clock.setTimer(atMs, () => fired.push(`${name}@${clock.nowMs()}`));
  }
  clock.advance(30);
  expect(fired).toEqual(["a@10", "b@10", "c@20"]);
  expect(clock.pendingTimerCount).toBe(1);
  expect(clock.nextTimerMs).toBe(31);
});

test("all timers of one instant fire before the calls they defer", () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  for (const name of ["a", "b"]) {
    clock.setTimer(5, () => {
      order.push(`timer ${name}`);
      clock.defer(() => order.push(`deferred ${name}`));
    });
  }
  clock.advance(5);
  expect(order).toEqual(["timer a", "timer b", "deferred a", "deferred b"]);
});

test("a cleared timer does not fire, and clearing it again does nothing", () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const first = clock.setTimer(1, () => fired.push("first"));
  clock.setTimer(2, () => fired.push("second"));
  clock.clearTimer(first);
  clock.clearTimer(first);
  clock.advance(5);
  expect(fired).toEqual(["second"]);
});

test("a deadline in the past fires when the clock runs, without moving time", () => {
  const clock = new VirtualClock();
  clock.advance(10);
  const firedAt: number[] = [];
  clock.setTimer(3, () => firedAt.push(clock.nowMs()));
  clock.runUntilIdle();
  expect(firedAt).toEqual([10]);
});

test("runUntilIdle runs what deferred calls defer, but no later timer", () => {
  const clock = new VirtualClock();
  const order: number[] = [];
  clock.setTimer(1, () => order.push(-1));
  clock.defer(() => {
    order.push(1);
    clock.defer(() => order.push(3));
  });
  clock.defer(() => order.push(2));
  clock.runUntilIdle();
  expect(order).toEqual([1, 2, 3]);
  expect(clock.nowMs()).toBe(0);
});

test("runUntil stops at the timer that makes the condition true", () => {
  const clock = new VirtualClock();
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    clock.setTimer(clock.nowMs() + 10, tick);
  };
  clock.setTimer(10, tick);
  expect(clock.runUntil(() => ticks === 3, 1000)).toBe(true);
  expect(clock.nowMs()).toBe(30);
  expect(clock.runUntil(() => ticks === 9, 20)).toBe(false);
  expect(ticks).toBe(5);
});

test("an error leaves the run and the clock goes on with what follows", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.defer(() => {
    throw new Error("from a callback");
  });
  clock.defer(() => ran.push("next"));
  expect(() => clock.runUntilIdle()).toThrow("from a callback");
  clock.runUntilIdle();
  expect(ran).toEqual(["next"]);
});

test("refuses to be run from one of its own callbacks", () => {
  const clock = new VirtualClock();
  const codes: string[] = [];
  clock.defer(() =>
    codes.push(
      codeOf(() => clock.advance(1)),
      codeOf(() => clock.runUntilIdle()),
    ),
  );
  clock.runUntilIdle();
  expect(codes).toEqual(["DT_FIBER_CLOCK_REENTRY", "DT_FIBER_CLOCK_REENTRY"]);
});

test("reports a loop that never lets time pass", () => {
  const clock = new VirtualClock({ maxCallbacksPerInstant: 100 });
  const again = (): void => clock.defer(again);
  clock.defer(again);
  expect(codeOf(() => clock.advance(1))).toBe("DT_FIBER_CLOCK_LIVELOCK");
});

test("counts callbacks per instant, so a long run is not taken for a loop", () => {
  const clock = new VirtualClock({ maxCallbacksPerInstant: 3 });
  const tick = (): void => {
    clock.setTimer(clock.nowMs() + 1, tick);
  };
  clock.setTimer(1, tick);
  clock.advance(50);
  expect(clock.nowMs()).toBe(50);
});

test.each([-1, Number.NaN, Infinity])("refuses to advance by %s", (ms) => {
  expect(codeOf(() => new VirtualClock().advance(ms))).toBe("DT_FIBER_ARGUMENT");
});

test.each([{ wallStartMs: NaN }, { maxCallbacksPerInstant: NaN }, { maxCallbacksPerInstant: 0 }])(
  "refuses options that make no sense: %o",
  (options) => {
    expect(codeOf(() => new VirtualClock(options))).toBe("DT_FIBER_OPTIONS");
  },
);

test("finds a livelock also when its limit is given as undefined", () => {
  const options = { maxCallbacksPerInstant: undefined } as unknown as { wallStartMs: number };
  const clock = new VirtualClock(options);
  let left = VIRTUAL_CLOCK_DEFAULTS.maxCallbacksPerInstant + 10;
  const again = (): void => {
    if (--left > 0) {
      clock.defer(again);
    }
  };
  clock.defer(again);
  expect(codeOf(() => clock.runUntilIdle())).toBe("DT_FIBER_CLOCK_LIVELOCK");
});

test("does not run for NaN milliseconds, which would never end", () => {
  const clock = new VirtualClock();
  clock.setTimer(5, () => {});
  expect(codeOf(() => clock.runUntil(() => false, NaN))).toBe("DT_FIBER_ARGUMENT");
  expect(clock.nowMs()).toBe(0);
});
