import { RpcError } from "../errors.ts";
import { Connection } from "../connection.ts";
import { ServiceContext } from "./service-context.ts";
import type { CallParent } from "../call-parent.ts";

/**
 * Where calls go: one connection, or what knows the connection in use, as an RpcClient does. Asked
 * for each call.
 */
export type Channel = Connection | { readonly connection: Connection | null };

/** Of one call of a method. */
export interface MethodCallOptions {
  /**
   * Milliseconds until the call fails with DT_RPC_TIMEOUT, for a stream until it ends; 0 for no
   * deadline. Default: that of `createClient`.
   */
  readonly timeoutMs?: number;
  /** Aborting it gives the call up: it fails with DT_RPC_CANCELLED, and the other side is told. */
  readonly signal?: AbortSignal;
  /**
   * The call in whose name this one is made: a method's context, or an IncomingRequest. The call has
   * at most the time that is left to it and carries its trace; with a context it also ends when that
   * is cancelled.
   */
  readonly parent?: CallParent;
}

/** Throws DT_RPC_NOT_CONNECTED. */
export function connectionOf(channel: Channel): Connection {
  const connection = channel instanceof Connection ? channel : channel.connection;
  if (connection === null) {
    throw new RpcError({ code: "DT_RPC_NOT_CONNECTED", address: "any peer of the channel" });
  }
  return connection;
}

/** What may end a call from this side: nothing, one signal, or two. */
export class CallSignals {
  readonly #first: AbortSignal | null;
  readonly #second: AbortSignal | null;
  readonly #onAbort: (reason: unknown) => void;
  readonly #timeoutMs: number;
  #isListening = false;

  constructor(options: MethodCallOptions, onAbort: (reason: unknown) => void) {
    const { signal, parent } = options;
    this.#first = signal ?? null;
    this.#second = parent instanceof ServiceContext ? parent.signal : null;
    this.#onAbort = onAbort;
    this.#timeoutMs = options.timeoutMs ?? 0;
  }

  /** Throws when the call must not start: DT_RPC_CANCELLED, and a RangeError for a NaN timeout. */
  check(): void {
    if (Number.isNaN(this.#timeoutMs)) {
      throw new RangeError("a timeout of NaN milliseconds");
    }
    for (const signal of [this.#first, this.#second]) {
      if (signal !== null && signal.aborted) {
        const fault = { code: "DT_RPC_CANCELLED", wasSent: false } as const;
        throw new RpcError(fault, { cause: signal.reason });
      }
    }
  }

  listen(): void {
    this.#isListening = true;
    this.#first?.addEventListener("abort", this.#listener);
    this.#second?.addEventListener("abort", this.#listener);
  }

  /** The call has ended. */
  forget(): void {
    if (this.#isListening) {
      this.#isListening = false;
      this.#first?.removeEventListener("abort", this.#listener);
      this.#second?.removeEventListener("abort", this.#listener);
    }
  }

  readonly #listener = (event: Event): void => {
    const { target } = event;
    this.forget();
    this.#onAbort(target instanceof AbortSignal ? target.reason : null);
  };
}
