/** Lets others wait until nothing is under way any more. */
export class IdleWatch {
  readonly #isIdle: () => boolean;
  #waiters: (() => void)[] = [];

  constructor(isIdle: () => boolean) {
    this.#isIdle = isIdle;
  }

  /** To be called whenever it may have become idle. */
  check(): void {
    if (this.#waiters.length > 0 && this.#isIdle()) {
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const wake of waiters) {
        wake();
      }
    }
  }

  /** Resolves when idle, after `maxMs` milliseconds in any case. */
  wait(maxMs: number): Promise<void> {
    if (maxMs <= 0 || this.#isIdle()) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, maxMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
