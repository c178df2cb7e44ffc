const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The wish to stop, from a terminal or another process. A second one says that it cannot wait. */
export class StopSignal {
  /** Resolves with the first signal. */
  readonly requested: Promise<void>;
  /** Resolves with the second one. */
  readonly insisted: Promise<void>;
  readonly #controller = new AbortController();
  readonly #onSignal: () => void;

  constructor() {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    this.requested = first.promise;
    this.insisted = second.promise;
    this.#onSignal = () => {
      if (this.signal.aborted) {
        second.resolve();
      } else {
        this.#controller.abort();
        first.resolve();
      }
    };
    for (const signal of SIGNALS) {
      process.on(signal, this.#onSignal);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives the signals back their usual meaning. */
  release(): void {
    for (const signal of SIGNALS) {
      process.off(signal, this.#onSignal);
    }
  }
}
