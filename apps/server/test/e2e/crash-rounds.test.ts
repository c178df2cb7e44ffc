import { expect, it } from "vitest";
import { runCrashRounds } from "./crash-rounds.ts";
import { scratchCluster } from "./scratch.ts";

const ROUNDS = Number(process.env["DT_CRASH_ROUNDS"] ?? 3);
const ROUND_TIMEOUT_MS = 30_000;

it(
  `loses no acknowledged write when all processes are killed under load, ${ROUNDS} times`,
  async () => {
    const cluster = await scratchCluster();
    const report = await runCrashRounds(cluster, ROUNDS);
    expect(report.lost).toEqual([]);
    expect(report.acknowledged).toBeGreaterThanOrEqual(ROUNDS);
  },
  ROUNDS * ROUND_TIMEOUT_MS,
);
