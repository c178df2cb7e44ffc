import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runRange } from "../src/sim/sim-worker.ts";
import { dt } from "./run-dt.kit.ts";

test("sim runs the seeds it is asked for, in workers, each for the fault that is wanted", async () => {
  const argv = ["sim", "--seeds", "30", "--from", "5", "--workers", "2", "--focus", "loss"];
  const { code, stdout, stderr } = await dt(argv);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^loss +30$/mu);
  expect(stdout).toMatch(
    /^30 seeds from 5, \d+ checked steps, .* seeds\/s, 0 failed, 0 rejected$/mu,
  );
  expect(code).toBe(0);
});

test("sim replays a seed to the same trace", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "dt-sim-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const first = await dt(["sim", "--seed", "7", "--trace", "7.trace"], { cwd });
  const second = await dt(["sim", "--seed", "7"]);
  expect(first.code).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({ seed: 7 });
  expect(second.stdout).toBe(first.stdout);
  const lines = (await readFile(join(cwd, "7.trace"), "utf8")).split("\n");
  expect(lines.length).toBeGreaterThan(500);
  expect(lines.some((line) => line.includes("is leader in t"))).toBe(true);
});

test("every tenth seed of a search mixes changes of members, snapshots and sessions", async () => {
  const report = await runRange({ from: 9, count: 3, focus: null });
  expect(report).toMatchObject({ done: 3, byFocus: { mix: 1 }, failures: [], rejected: [] });
});

test("sim refuses a fault that there is not", async () => {
  const { code, stderr } = await dt(["sim", "--focus", "weather"]);
  expect(code).toBe(2);
  expect(stderr).toContain("partition");
});

test("a worker reports what each seed did", async () => {
  const report = await runRange({ from: 1, count: 3, focus: "crash" });
  expect(report).toMatchObject({ done: 3, byFocus: { crash: 3 }, failures: [], rejected: [] });
});
