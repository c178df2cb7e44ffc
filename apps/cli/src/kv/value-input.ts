import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError } from "../cli-error.ts";
import { readAll } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

const STDIN = "-";

/** The bytes to store: those of the argument, of the standard input (`-`) or of a file. */
export async function readValue(
  terminal: Terminal,
  argument: string | undefined,
  file: string | undefined,
): Promise<Uint8Array | string> {
  if ((argument === undefined) === (file === undefined)) {
    throw new CliError({
      code: "DT_CLI_USAGE",
      message: "give the value either as an argument (- for the standard input) or with --file",
    });
  }
  if (file !== undefined) {
    return readInput(terminal, file);
  }
  return argument === STDIN ? readAll(terminal.stdin) : (argument ?? "");
}

/** A file, or the standard input for `-`. */
export async function readInput(terminal: Terminal, file: string): Promise<Buffer> {
  if (file === STDIN) {
    return readAll(terminal.stdin);
  }
  try {
    return await readFile(resolve(terminal.cwd, file));
  } catch (error) {
    throw fileError(file, error);
  }
}

export function fileError(file: string, error: unknown): CliError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CliError({ code: "DT_CLI_FILE", file, reason }, { cause: error });
}
