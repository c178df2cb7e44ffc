import { Status } from "../status.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { RequestChain } from "./request-chain.ts";

const NOTHING: Buffer = Buffer.alloc(0);

/** One request on its way through the interceptors. It is theirs to keep; its bytes are not. */
export class RequestContext {
  readonly request: IncomingRequest;
  /** Of performance.now(), when the request was handed to the interceptors. */
  readonly startedMs: number = performance.now();
  /**
   * body[start, end) is the body of the request in `onRequest`, of the reply in `onReply`; a view
   * that is valid until the interceptor returns. Empty for an error answer.
   */
  body: Buffer;
  start: number;
  end: number;
  /** Of the answer. */
  status: Status = Status.ok;
  /** The string code of an error answer. */
  code: string | null = null;
  /** Whether the answer went to the peer; false when its connection or its time had ended. */
  isSent = false;
  readonly #chain: RequestChain;

  constructor(
    request: IncomingRequest,
    body: Buffer,
    start: number,
    end: number,
    chain: RequestChain,
  ) {
    this.request = request;
    this.body = body;
    this.start = start;
    this.end = end;
    this.#chain = chain;
  }

  /** The request has passed `onRequest`. */
  forget(): void {
    this.body = NOTHING;
    this.start = 0;
    this.end = 0;
  }

  /** The request was answered with body[start, end). */
  replied(body: Buffer, start: number, end: number): void {
    this.isSent = true;
    this.body = body;
    this.start = start;
    this.end = end;
    this.#chain.leave(this);
  }

  /** The request was answered with an error, or its answer was dropped. */
  ended(status: Status, code: string | null, isSent: boolean): void {
    this.status = status;
    this.code = code;
    this.isSent = isSent;
    this.#chain.leave(this);
  }
}
