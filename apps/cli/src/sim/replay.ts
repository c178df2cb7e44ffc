import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { runSeed, type SeedFocus } from "@dt/raft/testing";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson } from "../output.ts";
import { print } from "../terminal.ts";

export interface ReplayOptions {
  readonly seed: number;
  readonly focus: SeedFocus | null;
  /** File for every line of the trace, or null. */
  readonly trace: string | null;
}

/** Runs one seed again: prints what it did, or how it failed. */
export async function replaySeed(context: CliContext, options: ReplayOptions): Promise<void> {
  const { seed, focus, trace } = options;
  const { stdout, cwd } = context.terminal;
  const lines: string[] = [];
  const onLine = (line: string): void => void lines.push(line);
  let text: string;
  try {
    text = formatJson(await runSeed(seed, trace === null ? { focus } : { focus, onLine }));
  } catch (error) {
    text = `${error instanceof Error ? error.message : String(error)}\n`;
    context.exitCode = CliExit.failed;
  }
  if (trace !== null) {
    const file = resolve(cwd, trace);
    await writeFile(file, lines.map((line) => `${line}\n`).join("")).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CliError({ code: "DT_CLI_FILE", file, reason }, { cause });
    });
  }
  await print(stdout, text);
}
