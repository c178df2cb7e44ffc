import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { LogFault } from "../src/log-error.ts";
import { DEFAULT_FILE_LOG_OPTIONS } from "../src/options.ts";
import type { SnapshotFault } from "../src/snapshot/snapshot-error.ts";

const packageRoot = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", packageRoot), "utf8");

// The type checker refuses a code too many here and one that is missing.
const CODES = {
  DT_LOG_CORRUPT: true,
  DT_LOG_FORMAT: true,
  DT_LOG_FOREIGN_FILE: true,
  DT_LOG_IDENTITY: true,
  DT_LOG_CLONED: true,
  DT_LOG_IN_USE: true,
  DT_LOG_LOCK: true,
  DT_LOG_POISONED: true,
  DT_LOG_NO_SPACE: true,
  DT_LOG_GAP: true,
  DT_LOG_RECORD_TOO_LARGE: true,
  DT_LOG_NOT_FOUND: true,
  DT_LOG_COMPACTED: true,
  DT_LOG_IO: true,
  DT_LOG_CLOSED: true,
  DT_LOG_OPTIONS: true,
} satisfies Record<LogFault["code"], true>;

const SNAPSHOT_CODES = {
  DT_SNAPSHOT_NOT_FOUND: true,
  DT_SNAPSHOT_DAMAGED: true,
  DT_SNAPSHOT_BUSY: true,
  DT_SNAPSHOT_NO_SPACE: true,
  DT_SNAPSHOT_IO: true,
  DT_SNAPSHOT_CLOSED: true,
} satisfies Record<SnapshotFault["code"], true>;

function tableRows(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => row.split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

test("the example in the README is the one that runs, and finds its log again", async () => {
  const source = await readFile(new URL("test/readme-example.ts", packageRoot), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
  const program = fileURLToPath(new URL("dist/test/readme-example.js", packageRoot));
  const cwd = await mkdtemp(join(tmpdir(), "readme-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const run = promisify(execFile);
  expect((await run(process.execPath, [program], { cwd })).stdout).toBe("1: hello\n");
  expect((await run(process.execPath, [program], { cwd })).stdout).toBe("2: hello\n");
});

test("the README lists every error code, once and in order, with what to do", () => {
  const rows = tableRows("Errors");
  expect(rows.map((row) => row[1])).toEqual(Object.keys(CODES));
  const ofSnapshots = tableRows("Snapshot errors");
  expect(ofSnapshots.map((row) => row[1])).toEqual(Object.keys(SNAPSHOT_CODES));
  for (const row of [...rows, ...ofSnapshots]) {
    expect(row.slice(1, 6).every((cell) => cell.length > 0)).toBe(true);
  }
});

test("the README states the options and defaults there are", () => {
  const stated = tableRows("Options").map((row) => [row[1], row[2]]);
  const { segmentBytes, durability, readerFiles, dropDelayMs } = DEFAULT_FILE_LOG_OPTIONS;
  expect(stated).toEqual([
    ["segmentBytes", `${segmentBytes / (1 << 20)} MiB`],
    ["durability", JSON.stringify(durability)],
    ["readerFiles", String(readerFiles)],
    ["retainBytes", "0"],
    ["retainMs", "0"],
    ["onRecovery", "none"],
    ["dropDelayMs", `${dropDelayMs / 1000} s`],
  ]);
});

test("the files to read first exist", async () => {
  const section = readme.split("\n## Files to read first\n")[1] ?? "";
  const paths = [...section.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  expect(paths.length).toBeGreaterThan(4);
  for (const path of paths) {
    expect((await readFile(new URL(path, packageRoot), "utf8")).length).toBeGreaterThan(0);
  }
});
