import { RpcClient, RpcError } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";
import { pause } from "./closed-loop.ts";
import type { HostPort } from "./echo-caller.ts";
import {
  NOTED_ECHO_COMMAND,
  SERIAL_BYTES,
  WAS_NOTED_COMMAND,
  readSerial,
  writeSerial,
} from "./soak-protocol.ts";

export interface SoakLoadOptions {
  readonly address: HostPort;
  readonly connections: number;
  /** Bytes of a body. */
  readonly size: number;
}

/** What became of the calls. */
export interface SoakTally {
  readonly started: number;
  readonly replied: number;
  /** Failures, by code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Replies that were not those of the call. */
  readonly wrong: number;
  /** Failures that promised that nothing was executed, looked up at the server. */
  readonly promisesChecked: number;
  /** Of these, the calls that the server had executed nevertheless. */
  readonly promisesBroken: number;
}

const TIMEOUT_MS = 10_000;
/** A pause of the pacing, and how much it may make up for at a time. */
const PACE_MS = 1;
const MAX_BURST = 5000;
const MAX_PENDING = 20_000;
const CHECKS_PER_PAUSE = 5;
const MAX_CHECKS_WAITING = 1000;

/** Calls whose outcomes are all accounted for, over connections that may break at any time. */
export class SoakLoad {
  readonly clients: readonly RpcClient[];
  readonly #padding: Buffer;
  readonly #failed = new Map<string, number>();
  readonly #toCheck: number[] = [];
  #started = 0;
  #replied = 0;
  #failures = 0;
  #wrong = 0;
  #promisesChecked = 0;
  #promisesBroken = 0;
  #isPaused = false;

  static async open(options: SoakLoadOptions): Promise<SoakLoad> {
    const { address, connections, size } = options;
    const clients = Array.from({ length: connections }, () => {
      return new RpcClient({ address, reconnectMinMs: 10, reconnectMaxMs: 100 });
    });
    await Promise.all(clients.map((client) => client.connect()));
    return new SoakLoad(clients, size);
  }

  private constructor(clients: readonly RpcClient[], size: number) {
    this.clients = clients;
    this.#padding = Buffer.alloc(Math.max(0, size - SERIAL_BYTES), 7);
  }

  get openConnections(): number {
    return this.clients.filter((client) => client.isConnected).length;
  }

  tally(): SoakTally {
    return {
      started: this.#started,
      replied: this.#replied,
      failed: Object.fromEntries(this.#failed),
      wrong: this.#wrong,
      promisesChecked: this.#promisesChecked,
      promisesBroken: this.#promisesBroken,
    };
  }

  /** One call over the next connection; never rejects. */
  async call(): Promise<void> {
    const serial = this.#started++;
    const client = this.clients[serial % this.clients.length];
    if (client === undefined) {
      throw new Error("no client");
    }
    try {
      const echoed = await client.call(
        NOTED_ECHO_COMMAND,
        0,
        TIMEOUT_MS,
        this.#encode,
        serial,
        readSerial,
      );
      this.#replied++;
      this.#wrong += echoed === serial ? 0 : 1;
    } catch (error) {
      this.#fail(serial, error);
    }
  }

  /** So many calls a second until told to stop; resolves when all have ended. */
  async keepPace(ratePerSec: number, isOver: () => boolean): Promise<void> {
    const before = this.#started;
    const startMs = performance.now();
    const checked = this.#keepChecking(isOver);
    while (!isOver()) {
      const due = (ratePerSec * (performance.now() - startMs)) / 1000 - (this.#started - before);
      const room = MAX_PENDING - this.#pending;
      const burst = this.#isPaused ? 0 : Math.min(due, room, MAX_BURST);
      for (let left = burst; left >= 1; left--) {
        void this.call();
      }
      await pause(PACE_MS);
    }
    await checked;
    while (this.#pending > 0) {
      await pause(PACE_MS);
    }
  }

  /** Runs something while no call is under way, which costs memory that comes and goes. */
  async whileQuiet<T>(run: () => Promise<T>): Promise<T> {
    this.#isPaused = true;
    while (this.#pending > 0) {
      await pause(PACE_MS);
    }
    try {
      return await run();
    } finally {
      this.#isPaused = false;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  get #pending(): number {
    return this.#started - this.#replied - this.#failures;
  }

  readonly #encode = (writer: ByteWriter, serial: number): void => {
    writeSerial(writer, serial);
    writer.bytes(this.#padding);
  };

  #fail(serial: number, error: unknown): void {
    this.#failures++;
    if (!(error instanceof RpcError)) {
      throw error;
    }
    this.#failed.set(error.code, (this.#failed.get(error.code) ?? 0) + 1);
    if (!error.mayHaveExecuted && this.#toCheck.length < MAX_CHECKS_WAITING) {
      this.#toCheck.push(serial);
    }
  }

  async #keepChecking(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#check();
      await pause(PACE_MS);
    }
  }

  /** Asks the server whether calls were executed that are said not to have been. */
  async #check(): Promise<void> {
    const client = this.clients.find((each) => each.isConnected);
    const serials = this.#toCheck.splice(0, client === undefined ? 0 : CHECKS_PER_PAUSE);
    for (const serial of serials) {
      try {
        const wasNoted = await client?.call(
          WAS_NOTED_COMMAND,
          0,
          TIMEOUT_MS,
          writeSerial,
          serial,
          readFlag,
        );
        this.#promisesChecked++;
        this.#promisesBroken += wasNoted === true ? 1 : 0;
      } catch (error) {
        if (!(error instanceof RpcError)) {
          throw error;
        }
        // The connection was cut meanwhile: asked again by way of another one.
        this.#toCheck.push(serial);
      }
    }
  }
}

function readFlag(body: Buffer, start: number): boolean {
  return body[start] === 1;
}
