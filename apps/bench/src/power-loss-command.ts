import { randomInt } from "node:crypto";
import { PowerLossFailure, runPowerLoss } from "@dt/raft-log-file/testing";
import { Presets, SingleBar } from "cli-progress";
import { Command } from "commander";
import { fail, natural, positive } from "./command-options.ts";

interface PowerLossFlags {
  readonly rounds: number;
  readonly seed: number;
}

/** Power cuts on a simulated disk below the real logs and snapshots, in this process. */
export function powerLossCommand(): Command {
  return new Command("power-loss")
    .description(
      "cut the power of a simulated disk below the real logs again and again, and look for what was acknowledged",
    )
    .option("--rounds <n>", "power cuts", positive, 10_000)
    .option("--seed <n>", "repeats the run with this seed; 0 for a new one", natural, 0)
    .action(async ({ rounds, seed: wanted }: PowerLossFlags) => {
      const seed = wanted === 0 ? randomInt(1, 1_000_000) : wanted;
      const bar = new SingleBar(
        {
          stream: process.stderr,
          format: "power cuts {bar} {percentage}% {value}/{total}, {duration_formatted}",
          hideCursor: true,
          noTTYOutput: false,
        },
        Presets.shades_classic,
      );
      bar.start(rounds, 0);
      const startMs = performance.now();
      try {
        const report = await runPowerLoss({ rounds, seed, onRound: (round) => bar.update(round) });
        bar.stop();
        const seconds = (performance.now() - startMs) / 1000;
        process.stdout.write(
          `seed ${seed}: ${rounds} power cuts (${report.duringRecovery} during a recovery) in ${seconds.toFixed(1)} s, ` +
            `${report.acknowledged} writes and ${report.finishedSnapshots} snapshots acknowledged, ` +
            `${report.sharedFlushes} flushes by shared syncs, none lost\n`,
        );
      } catch (error) {
        bar.stop();
        if (!(error instanceof PowerLossFailure)) {
          throw error;
        }
        fail([error.message, `again: dt bench power-loss --seed ${seed} --rounds ${error.round}`]);
      }
    });
}
