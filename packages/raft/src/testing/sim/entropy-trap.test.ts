import { randomBytes } from "node:crypto";
import { setTimeout as setNodeTimeout } from "node:timers";
import { describe, expect, test } from "vitest";
import { withoutEntropy } from "./entropy-trap.ts";

describe("V2 what a seed does not fix", () => {
  test.each<[string, () => unknown]>([
    ["the time of day", () => Date.now()],
    ["a new date", () => new Date()],
    ["the monotonic clock", () => performance.now()],
    ["the clock of the process", () => process.hrtime.bigint()],
    ["a random number", () => Math.random()],
    ["random bytes", () => randomBytes(4)],
    ["random bytes of the web", () => crypto.getRandomValues(new Uint8Array(4))],
    ["a random id", () => crypto.randomUUID()],
    ["a timer", () => setTimeout(() => undefined, 1)],
    ["a timer of the module", () => setNodeTimeout(() => undefined, 1)],
    ["the next turn of the event loop", () => setImmediate(() => undefined)],
    ["a microtask", () => queueMicrotask(() => undefined)],
    ["a promise", () => Promise.resolve(1)],
    [
      "an async function",
      () => {
        void (async () => 1)();
      },
    ],
  ])("V2 %s fails the run that uses it", (_, use) => {
    expect(() => withoutEntropy(use)).toThrow(/^entropy: /u);
  });

  test("V2 all of it is back after the run, also after a failed one", () => {
    const { random } = Math;
    const { Date: date, setTimeout: timer } = globalThis;
    expect(withoutEntropy(() => withoutEntropy(() => 3))).toBe(3);
    expect(() => withoutEntropy(() => Math.random())).toThrow("Math.random");
    expect(Math.random).toBe(random);
    expect(globalThis.Date).toBe(date);
    expect(globalThis.setTimeout).toBe(timer);
    expect(Object.keys(globalThis)).not.toContain("Date");
    expect(randomBytes(4).length).toBe(4);
    expect(Date.now()).toBeGreaterThan(0);
  });
});
