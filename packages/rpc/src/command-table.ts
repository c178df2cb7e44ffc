import { FIRST_USER_COMMAND, MAX_COMMAND } from "./frame.ts";
import type { IncomingRequest } from "./incoming-request.ts";

/**
 * Handles one request or one-way. body[start, end) is a view into the receive buffer, valid until
 * the handler returns: copy what is kept. The answer may be given then or later through `request`;
 * when the handler throws before that, the caller gets INTERNAL, or INVALID for a CodecError.
 */
export type Handler = (request: IncomingRequest, body: Buffer, start: number, end: number) => void;

/** Handlers by command number. May be changed while traffic flows. */
export class CommandTable {
  readonly #handlers: (Handler | null)[] = [];

  /** `command` is 16 to 65535 and has no handler yet. */
  on(command: number, handler: Handler): this {
    if (!Number.isInteger(command) || command < FIRST_USER_COMMAND || command > MAX_COMMAND) {
      throw new RangeError(
        `command ${command} is not within ${FIRST_USER_COMMAND}..${MAX_COMMAND}`,
      );
    }
    if (this.find(command) !== null) {
      throw new Error(`command ${command} has a handler already`);
    }
    while (this.#handlers.length <= command) {
      this.#handlers.push(null);
    }
    this.#handlers[command] = handler;
    return this;
  }

  off(command: number): void {
    if (command < this.#handlers.length) {
      this.#handlers[command] = null;
    }
  }

  find(command: number): Handler | null {
    return this.#handlers[command] ?? null;
  }
}
