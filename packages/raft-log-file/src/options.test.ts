import { expect, test } from "vitest";
import { LogError } from "./log-error.ts";
import { DEFAULT_FILE_LOG_OPTIONS, type FileLogOptions, resolveFileLogOptions } from "./options.ts";

test("options that are not given have their defaults, and the result cannot be changed", () => {
  expect(resolveFileLogOptions()).toEqual(DEFAULT_FILE_LOG_OPTIONS);
  const resolved = resolveFileLogOptions({ segmentBytes: 1 << 20 });
  expect(resolved).toEqual({ ...DEFAULT_FILE_LOG_OPTIONS, segmentBytes: 1 << 20 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

test("all problems are reported at once", () => {
  const input = { segmentBytes: 10_000, durability: "maybe", readerFiles: 0, sync: true };
  let problems: readonly string[] = [];
  try {
    resolveFileLogOptions(input as FileLogOptions);
  } catch (error) {
    if (error instanceof LogError && error.fault.code === "DT_LOG_OPTIONS") {
      ({ problems } = error.fault);
    }
  }
  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "sync",
    "segmentBytes",
    "durability",
    "readerFiles",
  ]);
});

test.each([
  [{ segmentBytes: 8192 }, true],
  [{ segmentBytes: 4096 }, false],
  [{ segmentBytes: 1 << 30 }, true],
  [{ segmentBytes: (1 << 30) + 4096 }, false],
  [{ segmentBytes: Number.NaN }, false],
  [{ readerFiles: 1024 }, true],
  [{ readerFiles: 1.5 }, false],
  [{ durability: "os" as const }, true],
])("%o is accepted: %s", (input, isAccepted) => {
  const resolve = (): unknown => resolveFileLogOptions(input);
  if (isAccepted) {
    expect(resolve()).toMatchObject(input);
  } else {
    expect(resolve).toThrow(/DT_LOG_OPTIONS/);
  }
});
