import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

interface Waiter {
  readonly resolve: (message: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process of the bench: it sends messages, answers questions and ends when it is told to. */
export class BenchChild {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #messages: unknown[] = [];
  readonly #waiters: Waiter[] = [];

  /** `name` is that of a module beside this one; it finds `argument` in argv[2]. */
  constructor(name: string, argument: string, nodeFlags: readonly string[]) {
    this.#name = name;
    const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
    this.#process = fork(path, [argument], { execArgv: [...nodeFlags] });
    this.#process.on("message", (message) => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) {
        this.#messages.push(message);
      } else {
        waiter.resolve(message);
      }
    });
    this.#process.on("exit", (code) => {
      for (const waiter of this.#waiters.splice(0)) {
        waiter.reject(this.#endError(code));
      }
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next message; rejects when the process ends without it. */
  next<T>(): Promise<T> {
    if (this.#messages.length > 0) {
      return Promise.resolve(this.#messages.shift() as T);
    }
    if (this.#hasEnded) {
      return Promise.reject(this.#endError(this.#process.exitCode));
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve: (message) => resolve(message as T), reject });
    });
  }

  /** The answer to a question, for processes that send nothing unasked. */
  ask<T>(question: string): Promise<T> {
    const answer = this.next<T>();
    this.#process.send(question);
    return answer;
  }

  /** Tells it something that it does not answer. */
  tell(order: string): void {
    this.#process.send(order);
  }

  async stop(): Promise<void> {
    if (this.#process.connected) {
      this.#process.disconnect();
    }
    if (!this.#hasEnded) {
      await once(this.#process, "exit");
    }
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #endError(code: number | null): Error {
    return new Error(`${this.#name} ended with ${String(code)} before it was done`);
  }
}
