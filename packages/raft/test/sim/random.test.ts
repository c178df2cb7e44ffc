import { expect, test } from "vitest";
import { FOCUSES, runRandom, type RunReport } from "../../src/testing/index.ts";

/** Runs with the seeds from 1 on, a few seconds of one core. */
const DEFAULT_RUNS = 330;

const runs = Number(process.env["SIM_RUNS"] ?? DEFAULT_RUNS);
const onlySeed = process.env["SIM_SEED"];

function sum(reports: readonly RunReport[], read: (report: RunReport) => number): number {
  return reports.reduce((total, report) => total + read(report), 0);
}

if (onlySeed === undefined) {
  test("random runs keep every rule, and together meet every fault", runAll, 0);
} else {
  test("the run of SIM_SEED keeps every rule", () => {
    expect(runRandom(Number(onlySeed)).writesOk).toBeGreaterThan(0);
  });
}

function runAll(): void {
  const reports: RunReport[] = [];
  for (let seed = 1; seed <= runs; seed++) {
    reports.push(runRandom(seed));
  }
  expect(new Set(reports.map(({ focus }) => focus))).toEqual(new Set(FOCUSES));
  // Less than a tenth of what the runs do as a rule: a simulator gone quiet proves nothing.
  const perRun = (read: (report: RunReport) => number): number => sum(reports, read) / runs;
  expect(perRun(({ steps }) => steps)).toBeGreaterThan(500);
  expect(perRun(({ writesOk }) => writesOk)).toBeGreaterThan(8);
  expect(perRun(({ readsOk }) => readsOk)).toBeGreaterThan(3);
  expect(perRun(({ leaseReads }) => leaseReads)).toBeGreaterThan(2);
  expect(perRun(({ confirmedReads }) => confirmedReads)).toBeGreaterThan(0.5);
  expect(perRun(({ unknown }) => unknown)).toBeGreaterThan(1);
  expect(perRun(({ elections }) => elections)).toBeGreaterThan(2);
  expect(perRun(({ truncations }) => truncations)).toBeGreaterThan(0.3);
  expect(perRun(({ commitsAheadOfDisk }) => commitsAheadOfDisk)).toBeGreaterThan(0.5);
  expect(perRun(({ lostWrites }) => lostWrites)).toBeGreaterThan(0.2);
  expect(perRun(({ logReads }) => logReads)).toBeGreaterThan(1);
  expect(perRun(({ proposeDrops }) => proposeDrops)).toBeGreaterThan(1);
  expect(perRun(({ clones }) => clones)).toBeGreaterThan(1);
}
