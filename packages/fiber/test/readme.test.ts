import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { DISPATCHER_DEFAULTS, GROUP_DEFAULTS, VIRTUAL_CLOCK_DEFAULTS } from "../src/index.ts";
import type { FiberErrorCode } from "../src/index.ts";

const packageRoot = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", packageRoot), "utf8");

// The type checker refuses a code too many here and one that is missing.
const codes = {
  DT_FIBER_ARGUMENT: true,
  DT_FIBER_BAD_YIELD: true,
  DT_FIBER_CANCELLED: true,
  DT_FIBER_CLOCK_LIVELOCK: true,
  DT_FIBER_CLOCK_REENTRY: true,
  DT_FIBER_DISPATCHER_CLOSED: true,
  DT_FIBER_FUTURE_COMPLETED: true,
  DT_FIBER_GROUP_ENDED: true,
  DT_FIBER_INTERRUPTED: true,
  DT_FIBER_LOCK_MISUSE: true,
  DT_FIBER_OPTIONS: true,
  DT_FIBER_OUTSIDE_FIBER: true,
  DT_FIBER_TASKS_FULL: true,
  DT_FIBER_TIMEOUT: true,
  DT_FIBER_UNCAUGHT: true,
  DT_FIBER_WAIT_UNUSED: true,
} satisfies Record<FiberErrorCode, true>;

function tableRows(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => row.split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

test("the example in the README is the one that runs, and does what it looks like", async () => {
  const source = await readFile(new URL("test/readme-example.ts", packageRoot), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
  const compiled = new URL("dist/test/readme-example.js", packageRoot);
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(compiled)]);
  expect(stdout).toBe("one\ntwo\n");
});

test("the README lists every error code, once and in order, with what to do", () => {
  const rows = tableRows("Errors");
  expect(rows.map((row) => row[1])).toEqual(Object.keys(codes));
  for (const row of rows) {
    expect(row.slice(1, 6).every((cell) => cell.length > 0)).toBe(true);
  }
});

test("the README states the defaults there are", () => {
  const stated = new Map(tableRows("Options").map((row) => [row[1], row[3]?.replaceAll(" ", "")]));
  expect(stated.get("turnBudget")).toBe(String(DISPATCHER_DEFAULTS.turnBudget));
  expect(stated.get("name")).toBe(DISPATCHER_DEFAULTS.name);
  expect(stated.get("priority")).toBe(String(GROUP_DEFAULTS.priority));
  expect(stated.get("maxQueuedTasks")).toBe(String(GROUP_DEFAULTS.maxQueuedTasks));
  const { wallStartMs, maxCallbacksPerInstant } = VIRTUAL_CLOCK_DEFAULTS;
  expect(stated.get("wallStartMs")).toBe(new Date(wallStartMs).toISOString().slice(0, 10));
  expect(stated.get("maxCallbacksPerInstant")).toBe(String(maxCallbacksPerInstant));
});

test("the files to read first exist", async () => {
  const links = [...readme.matchAll(/\]\((src\/[^)]+)\)/g)].map((match) => match[1] ?? "");
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) {
    expect((await readFile(new URL(link, packageRoot), "utf8")).length).toBeGreaterThan(0);
  }
});
