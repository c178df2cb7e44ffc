// Hot path: per message. Bench: apps/bench raft. No closures, no promises.
import { type Input, InputKind, type IoId } from "../core/input.ts";
import type { Message } from "../core/message.ts";
import type { RaftCore } from "../core/raft-core.ts";

/** What arrived for a group since its last turn. */
export class Arrivals {
  #messages: Message[] = [];
  #inputs: Input[] = [];
  #persisted: IoId | null = null;

  message(message: Message): void {
    this.#messages.push(message);
  }

  input(input: Input): void {
    this.#inputs.push(input);
  }

  /** Writes become durable in order: the newest one stands for all before it. */
  persisted(io: IoId): void {
    this.#persisted = io;
  }

  /** Steps everything: messages first, so that they are heard before time is held against their senders. */
  stepInto(core: RaftCore, nowMs: number, wallMs: number): void {
    const messages = this.#messages;
    const inputs = this.#inputs;
    const io = this.#persisted;
    this.#messages = [];
    this.#inputs = [];
    this.#persisted = null;
    for (const message of messages) {
      core.step({ kind: InputKind.message, message }, nowMs, wallMs);
    }
    if (io !== null) {
      core.step({ kind: InputKind.persisted, io }, nowMs, wallMs);
    }
    for (const input of inputs) {
      core.step(input, nowMs, wallMs);
    }
  }
}
