import { CodecError } from "@dt/codec";
import { Status } from "../status.ts";
import { MessagePump, sourceOf } from "./message-pump.ts";
import { MessageQueue } from "./message-queue.ts";
import { ServiceContext } from "./service-context.ts";
import { ServiceError } from "./service-error.ts";
import { TypedMessage, decodeTyped, encodeTyped } from "./typed-message.ts";
import type { MessageCodec } from "@dt/codec";
import type { AnswerCode } from "../answer-code.ts";
import type { Handler } from "../command-table.ts";
import type { RpcError } from "../errors.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { AcceptedStream } from "../stream/accepted-stream.ts";
import type { StreamConsumer, StreamWindow } from "../stream/stream.ts";

/** A method that streams in at least one direction, whose types are checked elsewhere. */
export interface StreamMethod {
  readonly requestType: MessageCodec<unknown>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<unknown>;
  readonly responseStream: boolean;
  readonly implementation: (input: unknown, context: ServiceContext) => unknown;
}

const NO_MESSAGES: StreamWindow = { messages: 0, bytes: 0 };

function encodeNothing(): void {}

/** The handler of a method that streams in at least one direction. */
export function streamHandler(method: StreamMethod): Handler {
  return (request, body, start, end) => {
    const window = method.requestStream ? request.connection.streamWindow : NO_MESSAGES;
    // A message that cannot be read is refused before there is a stream.
    const message = method.requestStream ? null : decodeTyped(method.requestType, body, start, end);
    const served = new ServedStream(method, request);
    const accepted = request.connection.streams.accept(request, window, served);
    if (accepted !== null) {
      served.start(accepted, message);
    }
  };
}

/** One call of a streaming method: messages to the implementation, what it gives to the caller. */
class ServedStream implements StreamConsumer {
  readonly #method: StreamMethod;
  readonly #context: ServiceContext;
  readonly #requests: MessageQueue<unknown>;
  #accepted: AcceptedStream | null = null;
  #pump: MessagePump | null = null;

  constructor(method: StreamMethod, request: IncomingRequest) {
    this.#method = method;
    this.#context = new ServiceContext(request);
    this.#requests = new MessageQueue(
      (byteCount) => this.#accepted?.stream.consumed(1, byteCount),
      ignore,
    );
  }

  /** `message` is the request of a method that takes a single one. */
  start(accepted: AcceptedStream, message: unknown): void {
    this.#accepted = accepted;
    const { implementation, requestStream, responseStream, responseType } = this.#method;
    try {
      const result = implementation(requestStream ? this.#requests : message, this.#context);
      if (responseStream) {
        this.#pump = new MessagePump(
          sourceOf(result as AsyncIterable<unknown>),
          accepted.stream,
          responseType,
          { onDrained: () => this.#succeed(), onFailed: (error) => this.#fail(error) },
        );
        this.#pump.start();
      } else {
        Promise.resolve(result).then(this.#onResponse, this.#onThrown);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  onMessage(body: Buffer, start: number, end: number): void {
    this.#requests.push(decodeTyped(this.#method.requestType, body, start, end), end - start);
  }

  onEnd(): void {
    this.#requests.end();
  }

  onWritable(): void {
    this.#pump?.resume();
  }

  onAbort(error: RpcError): void {
    this.#pump?.stop();
    this.#requests.fail(error);
    this.#context.onCancel(error);
    this.#context.finish();
  }

  readonly #onResponse = (response: unknown): void => {
    this.#end();
    this.#accepted?.reply(encodeTyped, new TypedMessage(this.#method.responseType, response));
  };

  readonly #onThrown = (error: unknown): void => {
    this.#fail(error);
  };

  #succeed(): void {
    this.#end();
    this.#accepted?.reply(encodeNothing, null);
  }

  #fail(error: unknown): void {
    this.#end();
    const accepted = this.#accepted;
    if (accepted === null) {
      return;
    }
    if (error instanceof ServiceError) {
      const { status, code, message, detail } = error;
      if (detail === null) {
        accepted.failWith(status, code, message, null, null);
      } else {
        accepted.failWith(status, code, message, encodeTyped, detail);
      }
      return;
    }
    const isMessage = error instanceof CodecError;
    const code: AnswerCode = isMessage ? "DT_RPC_STREAM_MESSAGE" : "DT_RPC_HANDLER_FAILED";
    const message = error instanceof Error ? error.message : String(error);
    accepted.failWith(isMessage ? Status.invalid : Status.internal, code, message, null, null);
  }

  /** The implementation has ended; what the caller still sends has no reader. */
  #end(): void {
    this.#context.finish();
    void this.#requests.return();
  }
}

function ignore(): void {}
