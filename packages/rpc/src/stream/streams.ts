// Hot path: per message of a stream. Bench: bench/stream.bench.ts. No closures, no promises.
import { CodecError } from "@dt/codec";
import { withoutStack } from "../errors.ts";
import { Command } from "../frame.ts";
import { Status } from "../status.ts";
import { AcceptedStream } from "./accepted-stream.ts";
import { OpenedStream } from "./opened-stream.ts";
import { StreamFrames, StreamSide, readCancellation, readCredit } from "./stream-frames.ts";
import type { AnswerCode } from "../answer-code.ts";
import type { CallCompletion, Encode } from "../call-completion.ts";
import type { CallParent, Connection } from "../connection.ts";
import type { BadBody } from "../compression/compressed-body.ts";
import type { Counters } from "../counters.ts";
import type { DeadlineWheel } from "../deadline-wheel.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { OutgoingCalls } from "../outgoing-calls.ts";
import type { SendBuffer } from "../send-buffer.ts";
import type { RpcError } from "../errors.ts";
import type { Stream, StreamConsumer, StreamWindow } from "./stream.ts";

/** Hears that the caller of a request has given up, or that the connection has ended. */
export interface CancelTarget {
  onCancel(error: RpcError): void;
}

export interface StreamsDeps {
  readonly connection: Connection;
  readonly out: SendBuffer;
  readonly calls: OutgoingCalls;
  readonly counters: Counters;
  readonly wheel: DeadlineWheel;
  readonly maxSendBufferBytes: number;
  readonly maxStreams: number;
  /** Whether the peer knows streams. */
  readonly isKnownToPeer: boolean;
}

/**
 * The streams of one connection, and the requests whose cancellation is listened for. A Map finds
 * them, because the peer chooses the numbers; it is asked per message of a stream, never per plain
 * call.
 */
export class Streams {
  readonly out: SendBuffer;
  readonly frames: StreamFrames;
  readonly #deps: StreamsDeps;
  readonly #opened = new Map<number, OpenedStream>();
  readonly #accepted = new Map<number, AcceptedStream>();
  readonly #cancellable = new Map<number, CancelTarget>();
  /** Streams with credit that wait for room in the send buffer. */
  readonly #waiting = new Set<Stream>();
  #isClosed = false;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.out = deps.out;
    this.frames = new StreamFrames(deps.out, deps.maxSendBufferBytes);
  }

  /** Streams of both sides, and requests whose cancellation is listened for. */
  get count(): number {
    return this.#opened.size + this.#accepted.size + this.#cancellable.size;
  }

  /**
   * Opens a stream by a request, as `Connection.start` makes a call. The answer to the request is
   * the end of the stream and goes to `completion`; `onAbort` of the consumer is not called at the
   * opener, whose completion hears of every end. Returns null when the call has ended already.
   */
  open<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    window: StreamWindow,
    consumer: StreamConsumer,
    completion: CallCompletion,
    parent: CallParent | null = null,
  ): Stream | null {
    const { connection } = this.#deps;
    if (!this.#deps.isKnownToPeer) {
      completion.onFail(withoutStack({ code: "DT_RPC_NO_STREAMS" }));
      return null;
    }
    const call = new OpenedStream(this, window, consumer, completion);
    const seq = connection.startExtended(
      command,
      groupId,
      timeoutMs,
      encode,
      argument,
      call,
      parent,
      window,
    );
    if (seq === 0) {
      return null;
    }
    this.#opened.set(seq, call);
    return call.begin(seq);
  }

  /**
   * Takes up the stream that a request opens. Returns null when it cannot be taken up: then the
   * request has been answered.
   */
  accept(
    request: IncomingRequest,
    window: StreamWindow,
    consumer: StreamConsumer,
  ): AcceptedStream | null {
    if (this.#isClosed || request.isAnswered) {
      if (!request.isAnswered) {
        request.drop();
      }
      return null;
    }
    const { stream: opening, seq } = request;
    const { maxStreams, wheel } = this.#deps;
    const twin = this.#accepted.get(seq);
    if (twin !== undefined) {
      this.onViolation(twin.stream, "DT_RPC_STREAM_DUPLICATE", "a second request with its number");
    }
    if (opening === null || twin !== undefined) {
      const code: AnswerCode = opening === null ? "DT_RPC_STREAM_KIND" : "DT_RPC_STREAM_DUPLICATE";
      request.fail(Status.invalid, code, "the request opens no stream");
      return null;
    }
    if (this.#accepted.size >= maxStreams) {
      const code: AnswerCode = "DT_RPC_TOO_MANY_STREAMS";
      request.fail(Status.flowControl, code, `${maxStreams} streams are open already`);
      return null;
    }
    const accepted = new AcceptedStream(this, wheel, request, window, consumer);
    this.#accepted.set(seq, accepted);
    accepted.begin(opening);
    return accepted;
  }

  /** `target` hears when the caller of the request gives up, until `unlisten`. */
  listen(seq: number, target: CancelTarget): void {
    this.#cancellable.set(seq, target);
  }

  unlisten(seq: number, target: CancelTarget): void {
    if (this.#cancellable.get(seq) === target) {
      this.#cancellable.delete(seq);
    }
  }

  /** Ends a call of this side; the peer is told. Nothing happens when it has ended before. */
  cancel(seq: number, reason: unknown): void {
    const { calls } = this.#deps;
    const wasSent = calls.wasSent(seq);
    this.#giveUp(seq, withoutStack({ code: "DT_RPC_CANCELLED", wasSent }, { cause: reason }));
  }

  #giveUp(seq: number, error: RpcError): void {
    const { calls, isKnownToPeer } = this.#deps;
    if (isKnownToPeer && calls.wasSent(seq)) {
      this.frames.cancel(seq);
    }
    calls.cancel(seq, error);
  }

  /** An opened stream has had its answer. */
  forgetOpened(seq: number): void {
    this.#opened.delete(seq);
  }

  /** An accepted stream has been answered. */
  forgetAccepted(seq: number): void {
    this.#accepted.delete(seq);
  }

  /** Whether a message may be sent now; the stream is told when it may be, if not. */
  hasRoom(stream: Stream): boolean {
    if (this.out.bufferedBytes < this.#deps.maxSendBufferBytes) {
      return true;
    }
    this.#waiting.add(stream);
    return false;
  }

  /**
   * The send buffer has room again. A stream that fills it waits behind the others from then on, so
   * each has its turn.
   */
  resume(): void {
    for (const stream of this.#waiting) {
      if (this.out.bufferedBytes >= this.#deps.maxSendBufferBytes) {
        return;
      }
      this.#waiting.delete(stream);
      stream.retry();
    }
  }

  /** A frame of a stream; `word` says who sends it. Returns false when it cannot be one. */
  onFrame(
    command: number,
    seq: number,
    word: number,
    body: Buffer,
    start: number,
    end: number,
  ): boolean {
    if (seq === 0 || word > StreamSide.acceptor) {
      return false;
    }
    if (command === Command.streamCancel) {
      this.#onCancel(seq, word, body, start, end);
      return true;
    }
    const holder = word === StreamSide.opener ? this.#accepted.get(seq) : this.#opened.get(seq);
    if (holder === undefined) {
      this.#refuse(seq, word);
      return true;
    }
    const { stream } = holder;
    if (command === Command.streamData) {
      this.#onData(holder, body, start, end);
    } else if (command === Command.streamEnd) {
      stream.onPeerEnd();
    } else {
      const credit = readCredit(body, start, end);
      if (credit === null) {
        this.onViolation(stream, "DT_RPC_STREAM_STATE", "a credit that is too short");
      } else {
        stream.onCredit(credit.messages, credit.bytes);
      }
    }
    return true;
  }

  /** A message that cannot be decompressed. */
  onBadMessage(seq: number, word: number, reason: BadBody): void {
    const holder = word === StreamSide.opener ? this.#accepted.get(seq) : this.#opened.get(seq);
    if (holder !== undefined) {
      this.onViolation(holder.stream, "DT_RPC_STREAM_MESSAGE", `${reason.code}: ${reason.message}`);
    }
  }

  /** The peer has broken the rules of one stream, which ends; nothing else does. */
  onViolation(stream: Stream, violation: AnswerCode, fact: string): void {
    this.#deps.counters.streamViolations++;
    const error = withoutStack({ code: "DT_RPC_STREAM", violation, fact });
    if (stream.side === StreamSide.acceptor) {
      this.#accepted.get(stream.id)?.fail(Status.invalid, violation, fact, error);
    } else {
      this.frames.refuse(stream.id, stream.side, Status.invalid, violation, fact);
      this.#deps.calls.cancel(stream.id, error);
    }
  }

  /** The connection has closed. Opened streams hear it from their calls. */
  close(error: RpcError | null): void {
    this.#isClosed = true;
    const options = error === null ? {} : { cause: error };
    const code = error === null ? "DT_RPC_CLOSED" : "DT_RPC_CONNECTION_LOST";
    const lost = withoutStack({ code, wasSent: true }, options);
    for (const accepted of this.#accepted.values()) {
      accepted.onCancel(lost);
    }
    const targets = [...this.#cancellable.values()];
    this.#cancellable.clear();
    for (const target of targets) {
      target.onCancel(lost);
    }
    this.#waiting.clear();
  }

  #onData(holder: OpenedStream | AcceptedStream, body: Buffer, start: number, end: number): void {
    const { stream } = holder;
    try {
      stream.onData(body, start, end);
    } catch (cause) {
      const fact = cause instanceof Error ? cause.message : String(cause);
      if (holder instanceof AcceptedStream) {
        const isMessage = cause instanceof CodecError;
        const code: AnswerCode = isMessage ? "DT_RPC_STREAM_MESSAGE" : "DT_RPC_HANDLER_FAILED";
        const error = withoutStack({ code: "DT_RPC_STREAM", violation: code, fact }, { cause });
        holder.fail(isMessage ? Status.invalid : Status.internal, code, fact, error);
      } else {
        this.#giveUp(stream.id, withoutStack({ code: "DT_RPC_BAD_REPLY" }, { cause }));
      }
    }
  }

  #onCancel(seq: number, word: number, body: Buffer, start: number, end: number): void {
    if (word === StreamSide.opener) {
      const target = this.#accepted.get(seq) ?? this.#cancellable.get(seq);
      if (target === undefined) {
        this.#deps.counters.lateStreamFrames++;
        return;
      }
      this.#cancellable.delete(seq);
      target.onCancel(withoutStack({ code: "DT_RPC_CANCELLED", wasSent: true }));
      return;
    }
    if (!this.#opened.has(seq)) {
      this.#deps.counters.lateStreamFrames++;
      return;
    }
    const { status, code, message } = readCancellation(body, start, end);
    const error = withoutStack({
      code: "DT_RPC_REMOTE",
      status: status === Status.ok ? Status.internal : status,
      remoteCode: code,
      remoteMessage: message,
      detail: null,
    });
    this.#deps.calls.cancel(seq, error);
  }

  /** A frame for a stream that this side does not have, or has no more. */
  #refuse(seq: number, word: number): void {
    this.#deps.counters.lateStreamFrames++;
    const side = word === StreamSide.opener ? StreamSide.acceptor : StreamSide.opener;
    const code: AnswerCode = "DT_RPC_UNKNOWN_STREAM";
    this.frames.refuse(seq, side, Status.invalid, code, "there is no such stream");
  }
}
