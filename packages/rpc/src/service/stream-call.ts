import { withoutStack } from "../errors.ts";
import { CallSignals, connectionOf } from "./call-options.ts";
import { MessagePump, sourceOf } from "./message-pump.ts";
import { MessageQueue } from "./message-queue.ts";
import { TypedMessage, decodeTyped, encodeTyped } from "./typed-message.ts";
import type { CallCompletion } from "../call-completion.ts";
import type { Connection } from "../connection.ts";
import type { RpcError } from "../errors.ts";
import type { Stream, StreamConsumer, StreamWindow } from "../stream/stream.ts";
import type { Channel, MethodCallOptions } from "./call-options.ts";
import type { CalledMethod } from "./unary-call.ts";

const NO_MESSAGES: StreamWindow = { messages: 0, bytes: 0 };

function encodeNothing(): void {}

/**
 * A call of a method that streams in at least one direction: `requests` to the peer, what it sends
 * to `responses`, and its answer to `response`.
 */
export class StreamCall implements StreamConsumer, CallCompletion {
  /** Every response; for a method with a single one none. */
  readonly responses: MessageQueue<unknown>;
  readonly #method: CalledMethod;
  readonly #connection: Connection;
  readonly #signals: CallSignals;
  #stream: Stream | null = null;
  #pump: MessagePump | null = null;
  #isOver = false;
  #resolve: (response: unknown) => void = ignore;
  #reject: (error: unknown) => void = ignore;

  /** Throws DT_RPC_NOT_CONNECTED, and DT_RPC_CANCELLED when a signal is aborted already. */
  constructor(method: CalledMethod, channel: Channel, options: MethodCallOptions) {
    this.#method = method;
    this.#connection = connectionOf(channel);
    this.responses = new MessageQueue(
      (byteCount) => this.#stream?.consumed(1, byteCount),
      () => this.#cancel(null),
    );
    this.#signals = new CallSignals(options, (reason) => this.#cancel(reason));
    this.#signals.check();
  }

  /** `input` is the request, or an iterable of them. */
  start(input: unknown, options: MethodCallOptions): void {
    const { command, groupId, timeoutMs, requestType, requestStream, responseStream } =
      this.#method;
    const window = responseStream ? this.#connection.streamWindow : NO_MESSAGES;
    const limitMs = options.timeoutMs ?? timeoutMs;
    const parent = options.parent ?? null;
    const { streams } = this.#connection;
    const source = requestStream ? sourceOf(input as AsyncIterable<unknown>) : null;
    this.#signals.listen();
    if (source === null) {
      const typed = new TypedMessage(requestType, input);
      this.#stream = streams.open(
        command,
        groupId,
        limitMs,
        encodeTyped,
        typed,
        window,
        this,
        this,
        parent,
      );
      return;
    }
    const stream = streams.open(
      command,
      groupId,
      limitMs,
      encodeNothing,
      null,
      window,
      this,
      this,
      parent,
    );
    this.#stream = stream;
    if (stream !== null) {
      this.#pump = new MessagePump(source, stream, requestType, {
        onDrained: () => stream.end(),
        onFailed: (error) => this.#cancel(error),
      });
      this.#pump.start();
    }
  }

  /** The single response of a method that does not stream them. */
  response(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  onMessage(body: Buffer, start: number, end: number): void {
    this.responses.push(decodeTyped(this.#method.responseType, body, start, end), end - start);
  }

  onEnd(): void {
    // Of the opener's messages only; the end of the others is the answer.
  }

  onWritable(): void {
    this.#pump?.resume();
  }

  onAbort(): void {
    // The completion hears of every end.
  }

  onReply(body: Buffer, start: number, end: number): void {
    const { responseStream, responseType } = this.#method;
    const response = responseStream ? null : decodeTyped(responseType, body, start, end);
    this.#end();
    this.responses.end();
    this.#resolve(response);
  }

  onFail(error: RpcError): void {
    this.#end();
    this.responses.fail(error);
    this.#reject(error);
  }

  #cancel(reason: unknown): void {
    if (this.#stream !== null) {
      this.#connection.cancel(this.#stream.id, reason);
    } else if (!this.#isOver) {
      this.onFail(withoutStack({ code: "DT_RPC_CANCELLED", wasSent: false }, { cause: reason }));
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#signals.forget();
    this.#pump?.stop();
  }
}

function ignore(): void {}
