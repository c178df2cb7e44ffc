// Hot path: per reply. Bench: bench/echo.bench.ts. No closures, no promises, no logging.
import { FLAG_EXTENSION, HEADER_BYTES, RESPONSE_BYTE } from "./frame.ts";
import { writeErrorExtension } from "./extension.ts";
import { Status } from "./status.ts";
import type { RequestRefusalCode } from "./answer-code.ts";
import type { Encode } from "./call-completion.ts";
import type { Counters } from "./counters.ts";
import type { IncomingRequest } from "./incoming-request.ts";
import type { Permits } from "./permits.ts";
import type { SendBuffer } from "./send-buffer.ts";

/** Longer messages of error answers are cut. */
const MAX_MESSAGE_CHARS = 2048;

export interface RepliesOptions {
  readonly maxPeerFrameBytes: number;
  readonly maxReplyBacklogBytes: number;
}

/** Sends the answers to the requests of one connection. */
export class Replies {
  readonly #out: SendBuffer;
  readonly #inFlight: Permits;
  readonly #counters: Counters;
  readonly #options: RepliesOptions;
  readonly #onReleased: () => void;
  isOpen = true;

  constructor(
    out: SendBuffer,
    inFlight: Permits,
    counters: Counters,
    options: RepliesOptions,
    onReleased: () => void,
  ) {
    this.#out = out;
    this.#inFlight = inFlight;
    this.#counters = counters;
    this.#options = options;
    this.#onReleased = onReleased;
  }

  /** A request no longer counts against the receiver's limits. */
  release(frameBytes: number): void {
    this.#inFlight.giveBack(frameBytes);
    if (this.#inFlight.requests === 0) {
      this.#onReleased();
    }
  }

  ok<A>(request: IncomingRequest, encode: Encode<A>, argument: A): void {
    if (!this.#isWanted(request, Status.ok, null)) {
      return;
    }
    const out = this.#out;
    if (out.bufferedBytes > this.#options.maxReplyBacklogBytes) {
      const message = "the replies that wait to be read are too many bytes";
      this.refuse(
        request.command,
        request.seq,
        Status.flowControl,
        "DT_RPC_REPLY_DROPPED",
        message,
      );
      request.context?.ended(Status.flowControl, "DT_RPC_REPLY_DROPPED", true);
      return;
    }
    const writer = out.begin(0);
    try {
      encode(writer, argument);
    } catch (error) {
      out.abandon();
      this.refuse(
        request.command,
        request.seq,
        Status.internal,
        "DT_RPC_REPLY_ENCODE",
        String(error),
      );
      request.context?.ended(Status.internal, "DT_RPC_REPLY_ENCODE", true);
      return;
    }
    if (out.frameBytes > this.#options.maxPeerFrameBytes) {
      const message = `a reply of ${out.frameBytes} bytes`;
      out.abandon();
      this.refuse(request.command, request.seq, Status.tooLarge, "DT_RPC_REPLY_TOO_LARGE", message);
      request.context?.ended(Status.tooLarge, "DT_RPC_REPLY_TOO_LARGE", true);
      return;
    }
    const { context } = request;
    if (context === null) {
      out.finish(RESPONSE_BYTE, request.command, request.seq, Status.ok);
      return;
    }
    const { buf, pos } = writer;
    const start = pos - out.frameBytes + HEADER_BYTES;
    if (out.compressor === null) {
      // The bytes stay where they are until the end of the turn.
      out.finish(RESPONSE_BYTE, request.command, request.seq, Status.ok);
      context.replied(buf, start, pos);
    } else {
      const body = Buffer.from(buf.subarray(start, pos));
      out.finish(RESPONSE_BYTE, request.command, request.seq, Status.ok);
      context.replied(body, 0, body.length);
    }
  }

  error<A>(
    request: IncomingRequest,
    status: Status,
    code: string,
    message: string,
    encodeDetail: Encode<A> | null,
    argument: A,
  ): void {
    if (this.#isWanted(request, status, code)) {
      this.#error(request.command, request.seq, status, code, message, encodeDetail, argument);
      if (request.context !== null) {
        request.context.ended(status, code, true);
      }
    }
  }

  /** The caller has given up: nothing is sent. */
  drop(request: IncomingRequest): void {
    this.#counters.droppedReplies++;
    if (request.context !== null) {
      request.context.ended(Status.timeout, "DT_RPC_CANCELLED", false);
    }
  }

  /** An answer to a request that has no IncomingRequest, or whose answer was tried in vain. */
  refuse(
    command: number,
    seq: number,
    status: Status,
    code: RequestRefusalCode,
    message: string,
  ): void {
    if (this.isOpen) {
      this.#error(command, seq, status, code, message, null, undefined);
    }
  }

  /**
   * When the answer does not fit, the detail is left out; when that does not help, all but the
   * status is.
   */
  #error<A>(
    command: number,
    seq: number,
    status: Status,
    code: string,
    message: string,
    encodeDetail: Encode<A> | null,
    argument: A,
  ): void {
    const out = this.#out;
    const writer = out.begin(0);
    let fits = true;
    try {
      out.addFlag(FLAG_EXTENSION);
      writeErrorExtension(writer, code, encodeDetail, argument);
      writer.utf8(message.slice(0, MAX_MESSAGE_CHARS).toWellFormed());
      fits = out.frameBytes <= this.#options.maxPeerFrameBytes;
    } catch {
      // What an encode function throws here would only hide the error that is being reported.
      fits = false;
    }
    if (fits) {
      out.finish(RESPONSE_BYTE, command, seq, status);
      return;
    }
    out.abandon();
    if (encodeDetail !== null) {
      this.#error(command, seq, status, code, message, null, undefined);
    } else {
      out.begin(0);
      out.finish(RESPONSE_BYTE, command, seq, status);
    }
  }

  #isWanted(request: IncomingRequest, status: Status, code: string | null): boolean {
    if (!this.isOpen || request.isOneWay) {
      this.#counters.droppedReplies++;
      request.context?.ended(status, code, false);
      return false;
    }
    if (request.deadlineMs > 0 && this.#out.nowMs() >= request.deadlineMs) {
      this.#counters.expiredBeforeReply++;
      request.context?.ended(status, code, false);
      return false;
    }
    return true;
  }
}
