import type { Logger } from "pino";
import type { RunningServer } from "./start-server.ts";

/**
 * SIGHUP, for the whole life of the process: it never ends it. One that comes before the server serves is kept until
 * then, because files may have changed since they were read.
 */
export class ReloadSignal {
  readonly #logger: Logger;
  #server: RunningServer | null = null;
  #isKept = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    process.on("SIGHUP", this.#onSignal);
  }

  /** From now on `server` reads its files again. */
  serve(server: RunningServer): void {
    this.#server = server;
    if (this.#isKept) {
      this.#reload(server);
    }
  }

  /** Gives the signal back its usual meaning. */
  release(): void {
    process.off("SIGHUP", this.#onSignal);
  }

  readonly #onSignal = (): void => {
    if (this.#server === null) {
      this.#isKept = true;
    } else {
      this.#reload(this.#server);
    }
  };

  /** What is wrong with the files leaves the node as it was. */
  #reload(server: RunningServer): void {
    try {
      server.reloadSecurity();
      this.#logger.info({}, "read certificates, users and tokens again");
    } catch (error) {
      this.#logger.error({ error }, "certificates, users and tokens stay as they were");
    }
  }
}
