import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import { waitFor } from "./wait-for.ts";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** A server process as an operator starts it: without a launcher, its output in pipes. */
export class ServerProcess {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | string>;

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv = {}, program: string = MAIN) {
    this.#child = spawn(process.execPath, [program, ...argv], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString("utf8")));
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.#exit = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => resolve(code ?? String(signal)));
    });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  /** The exit code, or the name of the signal that ended the process. */
  get exit(): Promise<number | string> {
    return this.#exit;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Lines of the log with this message. */
  logged(message: string): Record<string, unknown>[] {
    return this.stdout
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message);
  }

  /** Resolves with the first line of the log that has this message. */
  async untilLogged(message: string): Promise<Record<string, unknown>> {
    return waitFor(`"${message}" in\n${this.stdout}${this.stderr}`, () => {
      return this.logged(message)[0] ?? null;
    });
  }
}

/** Writes the configuration of a cluster of one node; `more` replaces whole sections. */
export function writeConfig(directory: string, port: number, more: object = {}): string {
  const file = join(directory, "server.yaml");
  const config = {
    cluster: { id: "e2e", members: [{ id: 1, host: "127.0.0.1", port }] },
    node: { id: 1 },
    dataDir: "data",
    ...more,
  };
  writeFileSync(file, stringify(config));
  return file;
}
