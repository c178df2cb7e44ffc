import { TypedMessage, encodeTyped } from "./typed-message.ts";
import type { MessageCodec } from "@dt/codec";
import type { Stream } from "../stream/stream.ts";

/** What becomes of a pump that was not stopped: exactly one of the two is called. */
export interface PumpEvents {
  /** Every message was sent. */
  onDrained(): void;
  /** The source has thrown, or gave what cannot be sent. */
  onFailed(error: unknown): void;
}

/**
 * Sends what an async iterable gives over a stream, one message at a time: the next one is asked for
 * when the one before was sent, so a reader that does not read stops the source.
 */
export class MessagePump {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #stream: Stream;
  readonly #codec: MessageCodec<unknown>;
  readonly #events: PumpEvents;
  /** What waits for credit. */
  #held: TypedMessage | null = null;
  #hasStopped = false;

  constructor(
    source: AsyncIterator<unknown>,
    stream: Stream,
    codec: MessageCodec<unknown>,
    events: PumpEvents,
  ) {
    this.#iterator = source;
    this.#stream = stream;
    this.#codec = codec;
    this.#events = events;
  }

  start(): void {
    this.#ask();
  }

  /** The stream takes messages again. */
  resume(): void {
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.#send(held);
    }
  }

  /** Sends nothing more. The source is told, and how it ends concerns nobody any more. */
  stop(): void {
    if (this.#hasStopped) {
      return;
    }
    this.#hasStopped = true;
    this.#held = null;
    this.#leave();
  }

  /** Tells the source that nobody wants more of it. */
  #leave(): void {
    try {
      Promise.resolve(this.#iterator.return?.()).catch(ignore);
    } catch {
      // One that is not async runs its `finally` right here, and refuses while it runs itself.
    }
  }

  #ask(): void {
    let next: Promise<IteratorResult<unknown>>;
    try {
      next = Promise.resolve(this.#iterator.next());
    } catch (error) {
      this.#fail(error);
      return;
    }
    next.then(this.#onNext, this.#onThrown);
  }

  readonly #onNext = (result: IteratorResult<unknown>): void => {
    if (this.#hasStopped) {
      if (result.done !== true) {
        // It was making this message when it was told, and may not have heard.
        this.#leave();
      }
      return;
    }
    if (result.done === true) {
      this.#hasStopped = true;
      this.#events.onDrained();
      return;
    }
    this.#send(new TypedMessage(this.#codec, result.value));
  };

  readonly #onThrown = (error: unknown): void => {
    this.#fail(error);
  };

  #send(typed: TypedMessage): void {
    let wasSent: boolean;
    try {
      wasSent = this.#stream.send(encodeTyped, typed);
    } catch (error) {
      this.#leave();
      this.#fail(error);
      return;
    }
    if (wasSent) {
      this.#ask();
    } else {
      this.#held = typed;
    }
  }

  #fail(error: unknown): void {
    if (!this.#hasStopped) {
      this.#hasStopped = true;
      this.#events.onFailed(error);
    }
  }
}

/** What a pump sends from. Throws for what cannot be iterated. */
export function sourceOf(
  messages: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> {
  return Symbol.asyncIterator in messages
    ? messages[Symbol.asyncIterator]()
    : (messages[Symbol.iterator]() as unknown as AsyncIterator<unknown>);
}

function ignore(): void {}
