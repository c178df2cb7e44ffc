import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { positiveInteger } from "../cluster/connect.ts";
import { DEFAULT_BASE_PORT, DEFAULT_DATA_DIR } from "../endpoints.ts";
import { runDev } from "./run-dev.ts";

const MAX_NODES = 9;
const MAX_PORT = 65_535;

export function registerDevCommand(program: Command, context: CliContext): void {
  program
    .command("dev")
    .description("run a cluster of real server processes on this machine, until Ctrl-C")
    .option("--nodes <n>", "how many (default: as many as the data has, else 3)", nodeCount)
    .option("--data <dir>", "where the data is kept", DEFAULT_DATA_DIR)
    .option(
      "--port <base>",
      `first port; taken ones are skipped (default: those of the last time, else ${DEFAULT_BASE_PORT})`,
      port,
    )
    .action((options) => runDev(context, options));
}

function nodeCount(text: string): number {
  const count = positiveInteger(text);
  if (count > MAX_NODES) {
    throw new InvalidArgumentError(`At most ${MAX_NODES}.`);
  }
  return count;
}

function port(text: string): number {
  const value = positiveInteger(text);
  if (value > MAX_PORT) {
    throw new InvalidArgumentError(`At most ${MAX_PORT}.`);
  }
  return value;
}
