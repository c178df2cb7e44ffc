import { failInternal } from "../async-handler.ts";
import { Status } from "../status.ts";
import { ServiceContext } from "./service-context.ts";
import { ServiceError } from "./service-error.ts";
import { TypedMessage, decodeTyped, encodeTyped } from "./typed-message.ts";
import type { MessageCodec } from "@dt/codec";
import type { AnswerCode } from "../answer-code.ts";
import type { Handler } from "../command-table.ts";
import type { IncomingRequest } from "../incoming-request.ts";

export type UnaryFunction = (request: unknown, context: ServiceContext) => unknown;

/** The handler of a unary method. */
export function unaryHandler(
  requestType: MessageCodec<unknown>,
  responseType: MessageCodec<unknown>,
  implementation: UnaryFunction,
): Handler {
  return (request, body, start, end) => {
    // What nobody waits for would count against no limit and outlive its connection.
    if (request.stream !== null || request.isOneWay) {
      const code: AnswerCode = "DT_RPC_STREAM_KIND";
      request.fail(Status.invalid, code, "the method is unary");
      return;
    }
    const message = decodeTyped(requestType, body, start, end);
    const context = new ServiceContext(request);
    let result: unknown;
    try {
      result = implementation(message, context);
    } catch (error) {
      context.finish();
      failTyped(request, error);
      return;
    }
    if (isPromise(result)) {
      new UnaryWait(context, responseType).start(result);
    } else {
      context.finish();
      request.reply(encodeTyped, new TypedMessage(responseType, result));
    }
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** A unary method whose implementation takes its time. */
class UnaryWait {
  readonly #context: ServiceContext;
  readonly #responseType: MessageCodec<unknown>;

  constructor(context: ServiceContext, responseType: MessageCodec<unknown>) {
    this.#context = context;
    this.#responseType = responseType;
  }

  start(result: PromiseLike<unknown>): void {
    const { request, connection } = this.#context;
    connection.streams.listen(request.seq, this.#context);
    result.then(this.#onDone, this.#onFailed);
  }

  readonly #onDone = (response: unknown): void => {
    if (this.#finish()) {
      this.#context.request.reply(encodeTyped, new TypedMessage(this.#responseType, response));
    }
  };

  readonly #onFailed = (error: unknown): void => {
    if (this.#finish()) {
      failTyped(this.#context.request, error);
    }
  };

  /** Returns whether an answer is wanted. */
  #finish(): boolean {
    const { request, connection, isCancelled } = this.#context;
    this.#context.finish();
    connection.streams.unlisten(request.seq, this.#context);
    if (isCancelled && !request.isAnswered) {
      request.drop();
    }
    return !request.isAnswered;
  }
}

/**
 * Answers a request whose implementation has thrown. Its message was read before that, so a CodecError is of
 * something else, and what was done until then stays done.
 */
export function failTyped(request: IncomingRequest, error: unknown): void {
  if (request.isAnswered) {
    return;
  }
  if (!(error instanceof ServiceError)) {
    failInternal(request, error);
  } else if (error.detail === null) {
    request.fail(error.status, error.code, error.message);
  } else {
    request.failWith(error.status, error.code, error.message, encodeTyped, error.detail);
  }
}
