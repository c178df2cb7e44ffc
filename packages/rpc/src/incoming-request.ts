// Hot path: per request. Bench: bench/echo.bench.ts. No closures, no promises.
import type { Encode } from "./call-completion.ts";
import type { Connection } from "./connection.ts";
import type { Group } from "./group-dispatcher.ts";
import type { RequestExtension, StreamOpening } from "./extension.ts";
import type { RequestContext } from "./interceptor/request-context.ts";
import type { Replies } from "./replies.ts";
import type { Status } from "./status.ts";
import type { ByteWriter } from "@dt/codec";

function encodeNothing(): void {}

function encodeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.bytes(bytes);
}

/**
 * A request or one-way from the peer. It is answered once, during the handler or later; a second
 * answer is an error of the program and throws. An answer that can no longer arrive, because the
 * connection has closed or the caller's time is over, is dropped and counted, and so is every
 * answer to a one-way.
 */
export class IncomingRequest {
  readonly connection: Connection;
  readonly command: number;
  /** 0 for none. */
  readonly groupId: number;
  readonly seq: number;
  readonly isOneWay: boolean;
  /** When the caller stops waiting, as performance.now() of this process; 0 for never. */
  readonly deadlineMs: number;
  /** Size of the frame, which is what the receiver's byte limit counts. */
  readonly frameBytes: number;
  /**
   * The W3C traceparent that the request carries, or that of the span an interceptor has started
   * for it. Calls that are made with this request as their parent carry it on.
   */
  traceparent: string | null;
  /** What the peer said it takes at first, when the request opens a stream. */
  readonly stream: StreamOpening | null;
  /** Where the answer is reported to; null without interceptors. */
  context: RequestContext | null = null;
  readonly #replies: Replies;
  readonly #group: Group | null;
  #isAnswered = false;

  constructor(
    connection: Connection,
    replies: Replies,
    group: Group | null,
    command: number,
    groupId: number,
    seq: number,
    isOneWay: boolean,
    deadlineMs: number,
    frameBytes: number,
    extension: RequestExtension | null = null,
  ) {
    this.connection = connection;
    this.command = command;
    this.groupId = groupId;
    this.seq = seq;
    this.isOneWay = isOneWay;
    this.deadlineMs = deadlineMs;
    this.frameBytes = frameBytes;
    this.traceparent = extension === null ? null : extension.traceparent;
    this.stream = extension === null ? null : extension.stream;
    this.#replies = replies;
    this.#group = group;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  reply<A>(encode: Encode<A>, argument: A): void {
    this.#answer();
    this.#replies.ok(this, encode, argument);
  }

  replyEmpty(): void {
    this.#answer();
    this.#replies.ok(this, encodeNothing, undefined);
  }

  /** The bytes are copied before it returns. */
  replyBytes(bytes: Uint8Array): void {
    this.#answer();
    this.#replies.ok(this, encodeBytes, bytes);
  }

  /** `status` is not ok. `code` is what callers match on, `message` is for people. */
  fail(status: Status, code: string, message: string): void {
    this.#answer();
    this.#replies.error(this, status, code, message, null, undefined);
  }

  /**
   * As `fail`, with a typed detail of at most 64 KiB that the caller finds in `RpcError.detail`.
   */
  failWith<A>(
    status: Status,
    code: string,
    message: string,
    encodeDetail: Encode<A>,
    argument: A,
  ): void {
    this.#answer();
    this.#replies.error(this, status, code, message, encodeDetail, argument);
  }

  /** Gives the request up without an answer: its caller waits no more. */
  drop(): void {
    this.#answer();
    this.#replies.drop(this);
  }

  #answer(): void {
    if (this.#isAnswered) {
      throw new Error(`a request of command ${this.command} is answered twice`);
    }
    this.#isAnswered = true;
    if (!this.isOneWay) {
      this.#replies.release(this.frameBytes);
      if (this.#group !== null) {
        this.#group.release();
      }
    }
  }
}
