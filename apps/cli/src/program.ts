import { Command } from "commander";
import { registerAuthCommands } from "./auth/auth-commands.ts";
import type { CliContext } from "./cli-context.ts";
import { registerClusterCommands } from "./cluster/status-command.ts";
import { registerDevCommand } from "./dev/dev-command.ts";
import { registerKvCommands } from "./kv/kv-commands.ts";
import { registerLogCommands } from "./log/log-commands.ts";
import { registerRpcCommands } from "./rpc/rpc-commands.ts";
import { registerSnapshotCommands } from "./snapshot/snapshot-commands.ts";
import { registerServerCommand } from "./server-command.ts";

const EXIT_CODES = `
Exit codes: 0 done, 1 failed or refused, 2 wrong arguments or input, 3 not found, 4 compare failed,
5 no leader or no connection, 6 the write may have been carried out.
DT_DEBUG=1 adds stack traces to errors.`;

/** The program with the commands that `argv` may mean; none of them has run. */
export async function createProgram(
  argv: readonly string[],
  context: CliContext,
): Promise<Command> {
  const program = new Command("dt")
    .description("configuration tree, cluster and logs of dt, from the command line")
    .showHelpAfterError("(add --help for the arguments)")
    .addHelpText("after", EXIT_CODES);
  registerDevCommand(program, context);
  registerServerCommand(program, context);
  registerKvCommands(program, context);
  registerClusterCommands(program, context);
  registerLogCommands(program, context);
  registerSnapshotCommands(program, context);
  registerRpcCommands(program, context);
  registerAuthCommands(program, context);
  if (mayMean("bench", argv)) {
    const { registerBenchCommands } = await import("@dt/bench");
    registerBenchCommands(program);
  }
  if (mayMean("sim", argv)) {
    const { registerSimCommand } = await import("./sim/sim-command.ts");
    registerSimCommand(program, context);
  }
  adopt(program, context);
  return program;
}

/** Benchmarks and simulator bring much code: it is loaded for them and for the list of all commands. */
function mayMean(command: string, [first]: readonly string[]): boolean {
  return first === undefined || [command, "help", "-h", "--help"].includes(first);
}

/** Makes every command, those of other packages too, throw instead of ending the process, and use the terminal. */
function adopt(command: Command, context: CliContext): void {
  const { stdout, stderr } = context.terminal;
  command.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void stderr.write(text),
    outputError: (text, write) => write(text.replace(/^error: /u, "dt: ")),
  });
  for (const child of command.commands) {
    adopt(child, context);
  }
}
