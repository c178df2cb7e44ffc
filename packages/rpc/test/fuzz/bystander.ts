import { ECHO, readText, writeText } from "../support/bodies.ts";
import type { RpcClient } from "../../src/index.ts";

/** A well-behaved client that calls all the time, to see whether others harm it. */
export class Bystander {
  readonly #client: RpcClient;
  #isOver = false;
  #calls = 0;
  #running: Promise<void> = Promise.resolve();

  /** The client is not connected, and is closed by `stop`. */
  constructor(client: RpcClient) {
    this.#client = client;
  }

  async start(): Promise<void> {
    await this.#client.connect();
    this.#running = this.#call();
    // A failure is reported by `stop`.
    this.#running.catch(() => undefined);
  }

  /** Resolves with the number of calls; rejects when one failed or had another's reply. */
  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#running;
    await this.#client.close();
    return this.#calls;
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const text = `bystander ${this.#calls}`;
      const reply = await this.#client.call(ECHO, 0, 0, writeText, text, readText);
      if (reply !== text) {
        throw new Error(`the bystander got ${reply} for ${text}`);
      }
      this.#calls++;
    }
  }
}
