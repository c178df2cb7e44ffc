import { CommanderError } from "commander";
import { CliContext } from "./cli-context.ts";
import { CliExit } from "./exit-code.ts";
import { describeFailure } from "./failure.ts";
import { createProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** Runs the command that `argv` names and resolves to the exit status. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const context = new CliContext(terminal);
  try {
    const program = await createProgram(argv, context);
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? CliExit.ok : CliExit.usage;
    }
    if (isClosedPipe(error)) {
      return CliExit.ok;
    }
    const { exitCode, text } = describeFailure(error);
    terminal.stderr.write(`dt: ${text}\n`);
    if (terminal.env["DT_DEBUG"] && error instanceof Error) {
      terminal.stderr.write(`${traceOf(error)}\n`);
    }
    return exitCode;
  }
}

/** Whoever read the output, such as `head`, has seen enough. */
function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

function traceOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${traceOf(error.cause)}` : own;
}
