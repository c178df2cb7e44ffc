import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A program of this folder in a process of its own, and the lines that it prints. */
export class Child {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown>;
  #waiting: (() => void)[] = [];
  #hasEnded = false;

  constructor(program: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(program, import.meta.url));
    this.#process = spawn(process.execPath, [path, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#exit = once(this.#process, "close");
    const { stdout } = this.#process;
    if (stdout === null) {
      throw new Error("a child without output");
    }
    const reader = createInterface(stdout);
    reader.on("line", (line) => {
      this.lines.push(line);
      this.#wake();
    });
    reader.on("close", () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves when this many lines have come, or the child has ended before. */
  async untilLines(count: number): Promise<void> {
    while (this.lines.length < count && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Sends a signal and does not wait. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Closes the child's input, which its program takes as the wish to end, and waits for it. */
  async end(): Promise<void> {
    this.#process.stdin?.end();
    await this.#exit;
  }

  /** Ends the process as a crash does; resolves when it is gone and all its lines are here. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exit;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}
