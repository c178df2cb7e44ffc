import { availableParallelism } from "node:os";
import { SEED_FOCUSES, type SeedFocus } from "@dt/raft/testing";
import { Option } from "commander";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger } from "../cluster/connect.ts";
import { replaySeed } from "./replay.ts";
import { searchSeeds } from "./search.ts";

const DEFAULT_SEEDS = 1000;

interface SimOptions {
  readonly seeds?: number;
  readonly from: number;
  readonly focus?: SeedFocus;
  readonly seconds?: number;
  readonly workers: number;
  readonly seed?: number;
  readonly trace?: string;
}

export function registerSimCommand(program: Command, context: CliContext): void {
  program
    .command("sim")
    .description("run simulated clusters under random faults, one for each seed, and check them")
    .option(
      "--seeds <n>",
      `how many (default: ${DEFAULT_SEEDS}, or as many as fit)`,
      positiveInteger,
    )
    .option("--from <seed>", "the first seed", positiveInteger, 1)
    .addOption(
      new Option(
        "--focus <fault>",
        "what every run is for: a fault, or a mix of changes, snapshots and sessions",
      ).choices([...SEED_FOCUSES]),
    )
    .option("--seconds <s>", "stop after this time", positiveInteger)
    .option("--workers <n>", "processes", positiveInteger, availableParallelism())
    .option("--seed <seed>", "replay one run", positiveInteger)
    .option("--trace <file>", "where the replay writes what happened, line by line")
    .action((options: SimOptions) => runSim(context, options));
}

async function runSim(context: CliContext, options: SimOptions): Promise<void> {
  const { seed, trace = null, focus = null, seconds, from, workers } = options;
  if (seed !== undefined) {
    await replaySeed(context, { seed, focus, trace });
    return;
  }
  const limitMs = seconds === undefined ? Infinity : seconds * 1000;
  const count = options.seeds ?? (seconds === undefined ? DEFAULT_SEEDS : Infinity);
  await searchSeeds(context, { from, count, focus, limitMs, workers });
}
