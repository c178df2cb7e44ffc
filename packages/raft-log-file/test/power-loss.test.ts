import { expect, test } from "vitest";
import { runPowerLoss } from "../src/testing/index.ts";

test.each([1, 2, 3])(
  "D1 D2 D18 S16 a hundred power cuts lose nothing that was acknowledged, seed %i",
  async (seed) => {
    const report = await runPowerLoss({ rounds: 100, seed });
    expect(report.acknowledged).toBeGreaterThan(500);
    expect(report.finishedSnapshots).toBeGreaterThan(20);
    expect(report.duringRecovery).toBeGreaterThan(5);
    expect(report.sharedFlushes).toBeGreaterThan(50);
  },
);
