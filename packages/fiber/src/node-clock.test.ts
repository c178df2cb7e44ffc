import { expect, test } from "vitest";

import { NodeClock } from "./node-clock.ts";

function nodeTimerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

test("a thousand timers share one Node timer, and none is left when all are cleared", () => {
  const clock = new NodeClock();
  const before = nodeTimerCount();
  const handles = [];
  for (let i = 0; i < 1000; i++) {
    handles.push(clock.setTimer(clock.nowMs() + 60_000 - i, () => {}));
  }
  expect(nodeTimerCount()).toBe(before + 1);
  for (const handle of handles) {
    clock.clearTimer(handle);
  }
  expect(nodeTimerCount()).toBe(before);
});

test("fires in the order of the deadlines, never early", async () => {
  const clock = new NodeClock();
  const fired: number[] = [];
  const early: number[] = [];
  const startMs = clock.nowMs();
  await new Promise<void>((resolve) => {
    for (const delayMs of [12, 3, 7.5, 3.2, 0]) {
      const atMs = startMs + delayMs;
      clock.setTimer(atMs, () => {
        fired.push(delayMs);
        if (clock.nowMs() < atMs) {
          early.push(delayMs);
        }
        if (fired.length === 5) {
          resolve();
        }
      });
    }
  });
  expect(fired).toEqual([0, 3, 3.2, 7.5, 12]);
  expect(early).toEqual([]);
});

test("an earlier deadline set later is armed for", async () => {
  const clock = new NodeClock();
  const late = clock.setTimer(clock.nowMs() + 60_000, () => {});
  await new Promise<void>((resolve) => {
    clock.setTimer(clock.nowMs() + 2, resolve);
  });
  clock.clearTimer(late);
});

test("a timer set by a timer for now fires in a later round", async () => {
  const clock = new NodeClock();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    clock.setTimer(clock.nowMs(), () => {
      clock.setTimer(clock.nowMs(), () => {
        order.push("inner");
        resolve();
      });
      order.push("outer");
    });
  });
  expect(order).toEqual(["outer", "inner"]);
});

test("an error of one timer does not lose the others", async () => {
  const clock = new NodeClock();
  const thrown = new Promise<unknown>((resolve) => {
    process.prependOnceListener("uncaughtException", resolve);
  });
  const listeners = process.listeners("uncaughtException").slice(1);
  for (const listener of listeners) {
    process.removeListener("uncaughtException", listener);
  }
  const survived = new Promise<string>((resolve) => {
    const atMs = clock.nowMs();
    clock.setTimer(atMs, () => {
      throw new Error("from a timer");
    });
    clock.setTimer(atMs, () => resolve("fired"));
  });
  try {
    expect(await thrown).toMatchObject({ message: "from a timer" });
    expect(await survived).toBe("fired");
  } finally {
    for (const listener of listeners) {
      process.on("uncaughtException", listener);
    }
  }
});

test("deferred calls run in order, after the current code", async () => {
  const clock = new NodeClock();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    clock.defer(() => order.push("first"));
    clock.defer(() => {
      order.push("second");
      resolve();
    });
    order.push("current");
  });
  expect(order).toEqual(["current", "first", "second"]);
});
