// Hot path: per call. No closures but the promise's own.
import type { CallCompletion, Decode, Encode, RpcError } from "@dt/rpc";
import type { GroupRoute } from "./group-route.ts";
import type { Link } from "./link.ts";

/** Decides what becomes of a failed attempt. */
export interface CallOwner {
  onAttemptFailed(call: ClientCall, link: Link | null, error: RpcError): void;
}

/** One call from its start to the promise's end, over however many attempts. */
export class ClientCall implements CallCompletion {
  readonly route: GroupRoute;
  readonly command: number;
  readonly encode: Encode<unknown>;
  readonly argument: unknown;
  readonly decode: Decode<unknown>;
  readonly timeoutMs: number;
  /** Of performance.now(). */
  readonly deadlineMs: number;
  readonly isIdempotent: boolean;
  readonly #toError: ((error: RpcError) => Error) | undefined;
  /** Attempts that have been made. */
  attempts = 0;
  /** The link of the attempt that is under way. */
  link: Link | null = null;
  lastError: RpcError | null = null;
  /** An attempt may have been executed. */
  isAmbiguous = false;
  /** The call is one of a session: repeating it is safe, also when an attempt just takes too long. */
  isInSession = false;
  readonly #owner: CallOwner;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    owner: CallOwner,
    route: GroupRoute,
    command: number,
    encode: Encode<unknown>,
    argument: unknown,
    decode: Decode<unknown>,
    timeoutMs: number,
    deadlineMs: number,
    isIdempotent: boolean,
    toError: ((error: RpcError) => Error) | undefined,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#owner = owner;
    this.route = route;
    this.command = command;
    this.encode = encode;
    this.argument = argument;
    this.decode = decode;
    this.timeoutMs = timeoutMs;
    this.deadlineMs = deadlineMs;
    this.isIdempotent = isIdempotent;
    this.#toError = toError;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onReply(body: Buffer, start: number, end: number): void {
    let value: unknown;
    try {
      value = this.decode(body, start, end);
    } catch (error) {
      this.#reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#resolve(value);
  }

  onFail(error: RpcError): void {
    const { link } = this;
    this.link = null;
    this.lastError = error;
    this.isAmbiguous ||= error.mayHaveExecuted;
    this.#owner.onAttemptFailed(this, link, error);
  }

  reject(error: Error): void {
    this.#reject(error);
  }

  /** Ends the call with a coded refusal of the group. */
  refuse(error: RpcError): void {
    this.#reject(this.#toError?.(error) ?? error);
  }
}
