import { withoutStack } from "../errors.ts";
import { Stream } from "./stream.ts";
import { StreamSide } from "./stream-frames.ts";
import type { Encode } from "../call-completion.ts";
import type { DeadlineEntry, DeadlineWheel } from "../deadline-wheel.ts";
import type { RpcError } from "../errors.ts";
import type { StreamOpening } from "../extension.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { Status } from "../status.ts";
import type { CancelTarget } from "./stream-table.ts";
import type { Streams } from "./streams.ts";
import type { StreamConsumer, StreamWindow } from "./stream.ts";

/**
 * A stream of the side that was asked for it. Its answer ends it; so do the caller's cancellation and
 * the caller's deadline, and then the request is dropped without an answer.
 */
export class AcceptedStream implements CancelTarget, DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  readonly stream: Stream;
  readonly #streams: Streams;
  readonly #wheel: DeadlineWheel;
  readonly #request: IncomingRequest;
  readonly #consumer: StreamConsumer;
  readonly #takesMessages: boolean;
  /** The time the caller has given, as far as it was left when the request arrived. */
  #timeoutMs = 0;
  #hasEnded = false;

  constructor(
    streams: Streams,
    wheel: DeadlineWheel,
    request: IncomingRequest,
    window: StreamWindow,
    consumer: StreamConsumer,
  ) {
    this.#streams = streams;
    this.#wheel = wheel;
    this.#request = request;
    this.#consumer = consumer;
    this.#takesMessages = window.messages > 0;
    this.stream = new Stream(streams, request.seq, StreamSide.acceptor, window, consumer);
  }

  /** Grants the window and takes what the opener has granted. */
  begin(opening: StreamOpening): void {
    if (this.#request.deadlineMs > 0) {
      this.#timeoutMs = Math.max(0, Math.round(this.#request.deadlineMs - performance.now()));
      this.#wheel.add(this, this.#request.deadlineMs);
    }
    if (this.#takesMessages) {
      this.stream.grantWindow();
    }
    this.stream.onCredit(opening.messages, opening.bytes);
  }

  /** Ends the stream in good order. */
  reply<A>(encode: Encode<A>, argument: A): void {
    if (this.#end()) {
      this.#request.reply(encode, argument);
    }
  }

  /** Ends the stream with an error, for the opener. */
  failWith<A>(
    status: Status,
    code: string,
    message: string,
    encodeDetail: Encode<A> | null,
    argument: A,
  ): void {
    if (this.#end()) {
      if (encodeDetail === null) {
        this.#request.fail(status, code, message);
      } else {
        this.#request.failWith(status, code, message, encodeDetail, argument);
      }
    }
  }

  /** Ends the stream with an error, for both sides. */
  fail(status: Status, code: string, message: string, error: RpcError): void {
    if (this.#end()) {
      this.#request.fail(status, code, message);
      this.#consumer.onAbort(error);
    }
  }

  onCancel(error: RpcError): void {
    if (this.#end()) {
      this.#request.drop();
      this.#consumer.onAbort(error);
    }
  }

  onDeadline(): void {
    const timeoutMs = this.#timeoutMs;
    this.onCancel(withoutStack({ code: "DT_RPC_TIMEOUT", timeoutMs, wasSent: true }));
  }

  /** Returns false when the stream has ended before. */
  #end(): boolean {
    if (this.#hasEnded) {
      return false;
    }
    this.#hasEnded = true;
    this.#wheel.remove(this);
    this.#streams.forgetAccepted(this.#request.seq);
    this.stream.finish();
    return true;
  }
}
