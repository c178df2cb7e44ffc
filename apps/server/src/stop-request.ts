import type { RaftError } from "@dt/raft";
import { onLauncherGone } from "./launcher.ts";

/** Why a server stops. */
export type StopCause =
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals }
  | { readonly kind: "launcher" }
  | { readonly kind: "group"; readonly error: RaftError };

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Collects the reasons to stop. The first one resolves `cause`; a signal that comes after it calls `onForced`,
 * because whoever sends a second one does not want to wait.
 */
export class StopRequest {
  readonly cause: Promise<StopCause>;
  readonly #resolve: (cause: StopCause) => void;
  readonly #onForced: (signal: NodeJS.Signals) => void;
  #isRequested = false;

  constructor(onForced: (signal: NodeJS.Signals) => void) {
    const { promise, resolve } = Promise.withResolvers<StopCause>();
    this.cause = promise;
    this.#resolve = resolve;
    this.#onForced = onForced;
    for (const signal of SIGNALS) {
      process.on(signal, this.#onSignal);
    }
    onLauncherGone(() => this.request({ kind: "launcher" }));
  }

  request(cause: StopCause): void {
    this.#isRequested = true;
    this.#resolve(cause);
  }

  /** Gives the signals back their usual meaning. */
  release(): void {
    for (const signal of SIGNALS) {
      process.off(signal, this.#onSignal);
    }
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isRequested) {
      this.#onForced(signal);
    } else {
      this.request({ kind: "signal", signal });
    }
  };
}
