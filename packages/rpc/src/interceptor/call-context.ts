import type { CallCompletion } from "../call-completion.ts";
import type { Connection } from "../connection.ts";
import type { RpcError } from "../errors.ts";
import type { CallChain } from "./call-chain.ts";

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * One call on its way through the interceptors: it stands between the call and its completion. It
 * is theirs to keep; its bytes are not.
 */
export class CallContext implements CallCompletion {
  readonly connection: Connection;
  readonly command: number;
  /** 0 for none. */
  readonly groupId: number;
  /** 0 for no deadline. */
  readonly timeoutMs: number;
  /** Of performance.now(). */
  readonly startedMs: number = performance.now();
  /** What the peer is told, a valid W3C traceparent or null; `onCall` may set it. */
  traceparent: string | null;
  /** Null when the call was answered ok. */
  error: RpcError | null = null;
  /**
   * body[start, end) is the body of the reply in `onOutcome`; a view that is valid until the
   * interceptor returns.
   */
  body: Buffer = NOTHING;
  start = 0;
  end = 0;
  readonly #completion: CallCompletion;
  readonly #chain: CallChain;

  constructor(
    connection: Connection,
    command: number,
    groupId: number,
    timeoutMs: number,
    traceparent: string | null,
    completion: CallCompletion,
    chain: CallChain,
  ) {
    this.connection = connection;
    this.command = command;
    this.groupId = groupId;
    this.timeoutMs = timeoutMs;
    this.traceparent = traceparent;
    this.#completion = completion;
    this.#chain = chain;
  }

  onReply(body: Buffer, start: number, end: number): void {
    // When the completion throws, the outcome is the failure that follows.
    this.#completion.onReply(body, start, end);
    this.body = body;
    this.start = start;
    this.end = end;
    this.#chain.leave(this);
    this.body = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  onFail(error: RpcError): void {
    this.error = error;
    try {
      this.#completion.onFail(error);
    } finally {
      this.#chain.leave(this);
    }
  }
}
