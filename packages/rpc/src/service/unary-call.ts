import { CallSignals, connectionOf } from "./call-options.ts";
import { TypedMessage, decodeTyped, encodeTyped } from "./typed-message.ts";
import type { MessageCodec } from "@dt/codec";
import type { CallCompletion } from "../call-completion.ts";
import type { RpcError } from "../errors.ts";
import type { Channel, MethodCallOptions } from "./call-options.ts";

/** How a method is called, whose types are checked elsewhere. */
export interface CalledMethod {
  readonly command: number;
  readonly groupId: number;
  readonly timeoutMs: number;
  readonly requestType: MessageCodec<unknown>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<unknown>;
  readonly responseStream: boolean;
}

/** Calls a unary method. Rejects with an RpcError. */
export function callUnary(
  method: CalledMethod,
  channel: Channel,
  request: unknown,
  options: MethodCallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const connection = connectionOf(channel);
    let call = 0;
    const hasSignals = options.signal !== undefined || options.parent !== undefined;
    const signals = hasSignals
      ? new CallSignals(options, (reason) => connection.cancel(call, reason))
      : null;
    signals?.check();
    const completion: CallCompletion = {
      onReply(body, start, end) {
        const response = decodeTyped(method.responseType, body, start, end);
        signals?.forget();
        resolve(response);
      },
      onFail(error: RpcError) {
        signals?.forget();
        reject(error);
      },
    };
    signals?.listen();
    call = connection.start(
      method.command,
      method.groupId,
      options.timeoutMs ?? method.timeoutMs,
      encodeTyped,
      new TypedMessage(method.requestType, request),
      completion,
      options.parent ?? null,
    );
  });
}
