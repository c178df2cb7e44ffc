// Hot path: per chunk. Bench: `dt bench rpc --tls`.
import { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { DeadlineWheel } from "../deadline-wheel.ts";

/**
 * Three records of TLS. Less makes more turns of the event loop, and so costs; much more makes the two sides
 * work in turn instead of at the same time.
 */
const TURN_BYTES = 3 * 16 * 1024;

export function isTls(socket: Socket): boolean {
  return socket instanceof TLSSocket;
}

/**
 * Limits what is read of a TLS socket in one turn of the event loop. node:tls confirms a write in a later phase
 * of the loop than the one that reads, and takes no other before that, while a single reading phase takes
 * everything that the peer has sent: its answers would wait until all of it is handled, and the peer for them.
 */
export class ReadPace {
  readonly #socket: Socket;
  readonly #wheel: DeadlineWheel;
  #turnBytes = 0;

  constructor(socket: Socket, wheel: DeadlineWheel) {
    this.#socket = socket;
    this.#wheel = wheel;
  }

  /** Call it for each chunk. What is over the limit waits in the socket, within its own bounds. */
  took(byteCount: number): void {
    if (this.#turnBytes === 0) {
      setImmediate(this.#onTurnEnd);
    }
    this.#turnBytes += byteCount;
    // An answer that has arrived wins over a deadline, so it has to be read before that.
    if (this.#turnBytes >= TURN_BYTES && !this.#wheel.isDue) {
      this.#socket.pause();
    }
  }

  readonly #onTurnEnd = (): void => {
    this.#turnBytes = 0;
    if (this.#socket.isPaused()) {
      this.#socket.resume();
    }
  };
}
