// Hot path: per call. Bench: bench/echo.bench.ts.
import type { RpcError } from "./errors.ts";
import type { ByteWriter } from "@dt/codec";

/** Writes a body. A named function, not a closure: it is called for every frame. */
export type Encode<A> = (writer: ByteWriter, argument: A) => void;

/**
 * Reads buf[start, end), a view into the receive buffer that is valid until the function returns.
 */
export type Decode<T> = (body: Buffer, start: number, end: number) => T;

/**
 * Gets the outcome of one call: exactly one of the two is called, once. The body is a view into the
 * receive buffer, valid until onReply returns. When onReply throws, onFail is called with
 * DT_RPC_BAD_REPLY.
 */
export interface CallCompletion {
  onReply(body: Buffer, start: number, end: number): void;
  onFail(error: RpcError): void;
}

let capturedResolve: (value: never) => void;
let capturedReject: (error: RpcError) => void;

/**
 * The executor of every PromiseCall: one function for all, where a closure for each would cost as
 * much again.
 */
function capture(resolve: (value: never) => void, reject: (error: RpcError) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/** A completion whose outcome is a promise. */
export class PromiseCall<T> implements CallCompletion {
  readonly promise: Promise<T>;
  readonly #decode: Decode<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: RpcError) => void;

  constructor(decode: Decode<T>) {
    // The executor runs before the constructor of the promise returns, so what it captured is of
    // this T.
    this.promise = new Promise<T>(capture);
    this.#decode = decode;
    this.#resolve = capturedResolve as (value: T) => void;
    this.#reject = capturedReject;
  }

  onReply(body: Buffer, start: number, end: number): void {
    this.#resolve(this.#decode(body, start, end));
  }

  onFail(error: RpcError): void {
    this.#reject(error);
  }
}
