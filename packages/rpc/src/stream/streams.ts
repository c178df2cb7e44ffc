// Hot path: per message of a stream. Bench: bench/stream.bench.ts. No closures, no promises.
import { withoutStack } from "../errors.ts";
import { guarded } from "../guarded.ts";
import { Status } from "../status.ts";
import { AcceptedStream } from "./accepted-stream.ts";
import { OpenedStream } from "./opened-stream.ts";
import { StreamFrames, StreamSide } from "./stream-frames.ts";
import { StreamIntake } from "./stream-intake.ts";
import { StreamTable } from "./stream-table.ts";
import type { AnswerCode } from "../answer-code.ts";
import type { CallCompletion, Encode } from "../call-completion.ts";
import type { CallParent } from "../call-parent.ts";
import type { Connection } from "../connection.ts";
import type { Counters } from "../counters.ts";
import type { DeadlineWheel } from "../deadline-wheel.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { OutgoingCalls } from "../outgoing-calls.ts";
import type { RequestIntake } from "../request-intake.ts";
import type { SendBuffer } from "../send-buffer.ts";
import type { RpcError } from "../errors.ts";
import type { CancelTarget } from "./stream-table.ts";
import type { Stream, StreamConsumer, StreamWindow } from "./stream.ts";

export interface StreamsDeps {
  readonly connection: Connection;
  readonly out: SendBuffer;
  readonly calls: OutgoingCalls;
  readonly requests: RequestIntake;
  readonly counters: Counters;
  readonly wheel: DeadlineWheel;
  readonly maxSendBufferBytes: number;
  readonly maxStreams: number;
  /** Whether the peer knows streams. */
  readonly isKnownToPeer: boolean;
}

/** The streams of one connection, and the requests whose cancellation is listened for. */
export class Streams {
  readonly out: SendBuffer;
  readonly frames: StreamFrames;
  /** Takes what the peer sends. */
  readonly intake: StreamIntake;
  readonly #deps: StreamsDeps;
  readonly #table = new StreamTable();
  /** Streams with credit that wait for room in the send buffer. */
  readonly #waiting = new Set<Stream>();
  /** What those hear that come after the end of the connection; null before it. */
  #lost: RpcError | null = null;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.out = deps.out;
    this.frames = new StreamFrames(deps.out, deps.maxSendBufferBytes);
    const { calls, requests, counters } = deps;
    this.intake = new StreamIntake(this, this.#table, calls, requests, counters);
  }

  /** Streams of both sides, and requests whose cancellation is listened for. */
  get count(): number {
    return this.#table.count;
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
    this.#table.opened.set(seq, call);
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
    if (this.#lost !== null || request.isAnswered) {
      if (!request.isAnswered) {
        request.drop();
      }
      return null;
    }
    const { stream: opening, seq } = request;
    const { maxStreams, wheel } = this.#deps;
    const twin = this.#table.accepted.get(seq);
    if (twin !== undefined) {
      this.onViolation(twin.stream, "DT_RPC_STREAM_DUPLICATE", "a second request with its number");
    }
    if (opening === null || twin !== undefined) {
      const code: AnswerCode = opening === null ? "DT_RPC_STREAM_KIND" : "DT_RPC_STREAM_DUPLICATE";
      request.fail(Status.invalid, code, "the request opens no stream");
      return null;
    }
    if (this.#table.accepted.size >= maxStreams) {
      const code: AnswerCode = "DT_RPC_TOO_MANY_STREAMS";
      request.fail(Status.flowControl, code, `${maxStreams} streams are open already`);
      return null;
    }
    const accepted = new AcceptedStream(this, wheel, request, window, consumer);
    this.#table.accepted.set(seq, accepted);
    accepted.begin(opening);
    return accepted;
  }

  /**
   * `target` hears when the caller of the request gives up, until `unlisten`. A caller that uses its number
   * for another request, before this one was answered, has given it up. After the end of the connection
   * `target` hears of that at once.
   */
  listen(seq: number, target: CancelTarget): void {
    if (this.#lost !== null) {
      target.onCancel(this.#lost);
      return;
    }
    const { cancellable } = this.#table;
    const twin = cancellable.get(seq);
    cancellable.set(seq, target);
    twin?.onCancel(withoutStack({ code: "DT_RPC_CANCELLED", wasSent: true }));
  }

  unlisten(seq: number, target: CancelTarget): void {
    if (this.#table.cancellable.get(seq) === target) {
      this.#table.cancellable.delete(seq);
    }
  }

  /** Ends a call of this side; the peer is told. Nothing happens when it has ended before. */
  cancel(seq: number, reason: unknown): void {
    const { calls } = this.#deps;
    const wasSent = calls.wasSent(seq);
    this.giveUp(seq, withoutStack({ code: "DT_RPC_CANCELLED", wasSent }, { cause: reason }));
  }

  /** Ends a call of this side with this error; the peer is told. */
  giveUp(seq: number, error: RpcError): void {
    const { calls, isKnownToPeer } = this.#deps;
    if (isKnownToPeer && calls.wasSent(seq)) {
      this.frames.cancel(seq);
    }
    calls.fail(seq, error);
  }

  /** An opened stream has had its answer. */
  forgetOpened(seq: number): void {
    this.#table.opened.delete(seq);
  }

  /** An accepted stream has been answered. */
  forgetAccepted(seq: number): void {
    this.#table.accepted.delete(seq);
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

  /** The peer has broken the rules of one stream, which ends; nothing else does. */
  onViolation(stream: Stream, violation: AnswerCode, fact: string): void {
    this.#deps.counters.streamViolations++;
    const error = withoutStack({ code: "DT_RPC_STREAM", violation, fact });
    if (stream.side === StreamSide.acceptor) {
      this.#table.accepted.get(stream.id)?.fail(Status.invalid, violation, fact, error);
    } else {
      this.frames.refuse(stream.id, stream.side, Status.invalid, violation, fact);
      this.#deps.calls.fail(stream.id, error);
    }
  }

  /** The connection has closed. Opened streams hear it from their calls. */
  close(error: RpcError | null): void {
    const options = error === null ? {} : { cause: error };
    const code = error === null ? "DT_RPC_CLOSED" : "DT_RPC_CONNECTION_LOST";
    const lost = withoutStack({ code, wasSent: true }, options);
    this.#lost = lost;
    for (const accepted of this.#table.accepted.values()) {
      guarded(() => accepted.onCancel(lost));
    }
    const targets = [...this.#table.cancellable.values()];
    this.#table.cancellable.clear();
    for (const target of targets) {
      guarded(() => target.onCancel(lost));
    }
    this.#waiting.clear();
  }
}
