import type { Encode } from "./call-completion.ts";
import type { PendingCall } from "./pending-calls.ts";

/** A call that waits for a permit: what is needed to encode it later. */
export class WaitingCall {
  readonly call: PendingCall;
  readonly command: number;
  readonly groupId: number;
  /** Of performance.now(), 0 for none. */
  readonly deadlineMs: number;
  // The two stay together, so the argument is always of the type that the function takes.
  readonly encode: Encode<unknown>;
  readonly argument: unknown;
  previous: WaitingCall | null = null;
  next: WaitingCall | null = null;

  constructor(
    call: PendingCall,
    command: number,
    groupId: number,
    deadlineMs: number,
    encode: Encode<unknown>,
    argument: unknown,
  ) {
    this.call = call;
    this.command = command;
    this.groupId = groupId;
    this.deadlineMs = deadlineMs;
    this.encode = encode;
    this.argument = argument;
  }
}

/** First in, first out; a call whose time is over leaves from the middle. */
export class WaitingCalls {
  #first: WaitingCall | null = null;
  #last: WaitingCall | null = null;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): WaitingCall | null {
    return this.#first;
  }

  append(waiting: WaitingCall): void {
    waiting.previous = this.#last;
    if (this.#last === null) {
      this.#first = waiting;
    } else {
      this.#last.next = waiting;
    }
    this.#last = waiting;
    this.#count++;
  }

  remove(waiting: WaitingCall): void {
    const { previous, next } = waiting;
    if (previous === null) {
      this.#first = next;
    } else {
      previous.next = next;
    }
    if (next === null) {
      this.#last = previous;
    } else {
      next.previous = previous;
    }
    waiting.previous = null;
    waiting.next = null;
    this.#count--;
  }
}
