import type { RaftError } from "@dt/raft";
import { onLauncherGone } from "./launcher.ts";

/** Why a server stops. */
export type StopCause =
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals }
  | { readonly kind: "launcher" }
  | { readonly kind: "group"; readonly error: RaftError };

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** One Ctrl-C may arrive twice, from the terminal and from the program that started this one. */
const REPEATED_SIGNAL_MS = 1000;

/**
 * Collects the reasons to stop. The first one resolves `cause`; a signal that comes a while after it calls
 * `onForced`, because whoever sends another one does not want to wait.
 */
export class StopRequest {
  readonly cause: Promise<StopCause>;
  readonly #resolve: (cause: StopCause) => void;
  readonly #onForced: (signal: NodeJS.Signals) => void;
  readonly #nowMs: () => number;
  /** When the first reason came up; null before. */
  #requestedAtMs: number | null = null;

  constructor(
    onForced: (signal: NodeJS.Signals) => void,
    nowMs: () => number = () => performance.now(),
  ) {
    const { promise, resolve } = Promise.withResolvers<StopCause>();
    this.cause = promise;
    this.#resolve = resolve;
    this.#onForced = onForced;
    this.#nowMs = nowMs;
    for (const signal of SIGNALS) {
      process.on(signal, this.#onSignal);
    }
    onLauncherGone(() => this.request({ kind: "launcher" }));
  }

  request(cause: StopCause): void {
    this.#requestedAtMs ??= this.#nowMs();
    this.#resolve(cause);
  }

  /** Gives the signals back their usual meaning. */
  release(): void {
    for (const signal of SIGNALS) {
      process.off(signal, this.#onSignal);
    }
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#requestedAtMs === null) {
      this.request({ kind: "signal", signal });
    } else if (this.#nowMs() - this.#requestedAtMs >= REPEATED_SIGNAL_MS) {
      this.#onForced(signal);
    }
  };
}
