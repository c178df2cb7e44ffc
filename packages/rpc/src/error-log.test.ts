import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ErrorLog } from "./error-log.ts";
import type { Logger } from "./logger.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

test("logs one error a second and says how many it left out", () => {
  const lines: unknown[] = [];
  const ignore = (): void => {};
  const error = (facts: object, message: string): void => {
    lines.push({ ...facts, message });
  };
  const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error };
  const log = new ErrorLog(logger);
  const broken = new Error("broken");
  vi.advanceTimersByTime(5000);
  for (let count = 0; count < 25; count++) {
    log.report(broken, { command: count }, "failed");
    vi.advanceTimersByTime(100);
  }
  expect(lines).toEqual([
    { err: broken, command: 0, suppressed: 0, message: "failed" },
    { err: broken, command: 10, suppressed: 9, message: "failed" },
    { err: broken, command: 20, suppressed: 9, message: "failed" },
  ]);
});
