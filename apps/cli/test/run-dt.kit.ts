import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { PassThrough, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { main } from "../src/main.ts";

export const DT = fileURLToPath(new URL("../../bin/dt.mjs", import.meta.url));

export interface Finished {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string | Buffer;
  /** Whether both outputs are a terminal; only where the command runs in this process. */
  readonly isTerminal?: boolean;
}

/** Runs a command in this process, with a terminal of its own. */
export async function dt(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const isTTY = options.isTerminal ?? false;
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const output = Promise.all([textOf(stdout), textOf(stderr)]);
  const code = await main(argv, {
    env: options.env ?? {},
    cwd: options.cwd ?? "/nowhere",
    stdin: Readable.from([Buffer.from(options.stdin ?? "")]),
    stdout,
    stderr,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

/** The program as a process of its own. */
export class DtProcess {
  stdout = "";
  stderr = "";
  readonly exit: Promise<number | string>;
  readonly #child: ChildProcess;

  constructor(argv: readonly string[], { cwd, env, stdin }: RunOptions = {}) {
    this.#child = spawn(process.execPath, [DT, ...argv], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.end(stdin ?? "");
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString("utf8")));
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.exit = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => resolve(code ?? String(signal)));
    });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async finished(): Promise<Finished> {
    const code = await this.exit;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
