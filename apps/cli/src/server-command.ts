import { runServer } from "@dt/server";
import type { Command } from "commander";
import type { CliContext } from "./cli-context.ts";

export function registerServerCommand(program: Command, context: CliContext): void {
  program
    .command("server")
    .description("run one node from its configuration file (see dt server --help)")
    .argument("[arguments...]")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (argv: string[]) => {
      context.exitCode = await runServer(argv);
    });
}
