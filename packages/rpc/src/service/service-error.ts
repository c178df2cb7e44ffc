import { decodeMessage } from "@dt/codec";
import { TypedMessage } from "./typed-message.ts";
import { RpcError } from "../errors.ts";
import type { MessageCodec } from "@dt/codec";
import type { Status } from "../status.ts";

/**
 * Throw it in the implementation of a method: the caller gets an RpcError DT_RPC_REMOTE with this
 * status, this code as its `remoteCode`, the message, and the detail for `errorDetail` to read. What
 * else an implementation throws is INTERNAL for its caller.
 */
export class ServiceError extends Error {
  override readonly name = "ServiceError" as const;
  readonly status: Exclude<Status, 0>;
  /** What callers match on, such as "CHAT_ROOM_FULL". */
  readonly code: string;
  readonly detail: TypedMessage | null;

  constructor(status: Exclude<Status, 0>, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.detail = null;
  }

  /** The same error with a message of the .proto file as its detail, of at most 64 KiB. */
  with<T>(type: MessageCodec<T>, detail: T): this {
    return Object.assign(this, {
      detail: new TypedMessage(type as MessageCodec<unknown>, detail),
    });
  }
}

/**
 * The detail of the error `code`, as the message of this type; null for every other error, and for
 * one without a detail. Throws DT_CODEC_MESSAGE when the detail is no such message.
 */
export function errorDetail<T>(error: unknown, code: string, type: MessageCodec<T>): T | null {
  if (!(error instanceof RpcError) || error.remoteCode !== code || error.detail === null) {
    return null;
  }
  return decodeMessage(type, error.detail, 0, error.detail.length);
}
