import type { Logger } from "./logger.ts";

const INTERVAL_MS = 1000;

/**
 * Logs errors of the program, at most one a second: under load each may come with every message.
 */
export class ErrorLog {
  readonly #logger: Logger;
  #nextMs = 0;
  #suppressed = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `facts` goes to the log together with the number of errors that were left out before it. */
  report(error: unknown, facts: object, message: string): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) {
      this.#suppressed++;
      return;
    }
    this.#nextMs = nowMs + INTERVAL_MS;
    this.#logger.error({ err: error, ...facts, suppressed: this.#suppressed }, message);
    this.#suppressed = 0;
  }
}
