const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C may arrive twice, from the terminal and from the program that started this one. */
const REPEATED_SIGNAL_MS = 1000;

/** The wish to stop, from a terminal or another process. A second one, later, says that it cannot wait. */
export class StopSignal {
  /** Resolves with the first signal. */
  readonly requested: Promise<void>;
  /** Resolves with the second one. */
  readonly insisted: Promise<void>;
  readonly #controller = new AbortController();
  readonly #onSignal: () => void;

  constructor(nowMs: () => number = () => performance.now()) {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    this.requested = first.promise;
    this.insisted = second.promise;
    let firstAtMs = 0;
    this.#onSignal = () => {
      if (!this.signal.aborted) {
        firstAtMs = nowMs();
        this.#controller.abort();
        first.resolve();
      } else if (nowMs() - firstAtMs >= REPEATED_SIGNAL_MS) {
        second.resolve();
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
