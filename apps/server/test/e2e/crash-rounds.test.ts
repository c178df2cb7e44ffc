import { verifyLogs } from "@dt/raft-log-file";
import { expect, it } from "vitest";
import { waitUntilCaughtUp } from "./caught-up.ts";
import { runCrashRounds } from "./crash-rounds.ts";
import { scratchCluster } from "./scratch.ts";

const ROUNDS = Number(process.env["DT_CRASH_ROUNDS"] ?? 3);
const ROUND_TIMEOUT_MS = 60_000;

it(
  `loses no acknowledged write when all processes are killed under load, ${ROUNDS} times`,
  async () => {
    const cluster = await scratchCluster();
    const report = await runCrashRounds(cluster, ROUNDS);
    expect(report.lost).toEqual([]);
    expect(report.acknowledged).toBeGreaterThanOrEqual(ROUNDS);
    const commitIndex = await waitUntilCaughtUp(cluster);
    expect(commitIndex).toBeGreaterThanOrEqual(report.acknowledged);
    await cluster.close();
    const [log] = await verifyLogs(cluster.nodes.map(({ dataDir }) => dataDir));
    expect(log?.copies.map(({ damage }) => damage)).toEqual([null, null, null]);
    expect(log?.equalTo).toBeGreaterThanOrEqual(commitIndex);
    expect(log?.difference?.isCommitted ?? false).toBe(false);
  },
  ROUNDS * ROUND_TIMEOUT_MS,
);
