import { expect, test } from "vitest";
import { FOCUSES, runRandom, type RunReport } from "../../src/testing/index.ts";

/** Runs with the seeds from 1 on: some 12 seconds of one core. */
const DEFAULT_RUNS = 300;

/** SIM_SEED replays one run; SIM_RUNS makes more, or fewer, of them. */
function seeds(): number[] {
  const onlySeed = process.env["SIM_SEED"];
  const runs = Number(process.env["SIM_RUNS"] ?? DEFAULT_RUNS);
  return onlySeed === undefined
    ? Array.from({ length: runs }, (_, i) => i + 1)
    : [Number(onlySeed)];
}

type Count = Exclude<keyof RunReport, "focus" | "traceHash" | "seed">;

/** What an average run does at least: a few times less than what it does as a rule. */
const FLOORS: Partial<Record<Count, number>> = {
  steps: 500,
  writesOk: 8,
  readsOk: 3,
  leaseReads: 2,
  confirmedReads: 0.5,
  unknown: 1,
  elections: 2,
  truncations: 0.3,
  commitsAheadOfDisk: 0.5,
  lostWrites: 0.2,
  logReads: 1,
  proposeDrops: 1,
  clones: 1,
  lost: 1,
  duplicated: 1,
  reordered: 1,
  cut: 1,
  pauses: 0.2,
  stops: 0.2,
  transfers: 0.2,
  memberChanges: 0.1,
  wipes: 0.02,
  refusedConnections: 0.1,
};

/** What the runs together did too little of to prove anything about it. */
function missing(reports: readonly RunReport[]): string[] {
  const focuses = new Set(reports.map(({ focus }) => focus));
  const rare = (Object.keys(FLOORS) as Count[]).filter((count) => {
    const total = reports.reduce((sum, report) => sum + report[count], 0);
    return total < reports.length * (FLOORS[count] ?? 0);
  });
  return [...FOCUSES.filter((focus) => !focuses.has(focus)), ...rare];
}

test("random runs keep every rule, and together meet every fault", () => {
  const reports = seeds().map((seed) => runRandom(seed));
  expect(reports.length < DEFAULT_RUNS ? [] : missing(reports)).toEqual([]);
}, 0);
