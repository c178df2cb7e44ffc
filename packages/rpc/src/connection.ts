// Hot path: per call. Bench: bench/echo.bench.ts.
import { PromiseCall } from "./call-completion.ts";
import { timeWithin } from "./call-parent.ts";
import { ConnectionState } from "./connection-state.ts";
import { RpcError, withoutStack } from "./errors.ts";
import { Command, ONE_WAY_BYTE, isRoute, noRoute } from "./frame.ts";
import { RequestExtension } from "./extension.ts";
import { Lifecycle } from "./lifecycle.ts";
import { NackListeners } from "./nack-listeners.ts";
import { Pipeline } from "./pipeline.ts";
import { SocketReader } from "./socket-reader.ts";
import type { CallCompletion, Decode, Encode } from "./call-completion.ts";
import type { CallParent } from "./call-parent.ts";
import type { CallChain } from "./interceptor/call-chain.ts";
import type { CloseListener, CloseOptions } from "./lifecycle.ts";
import type { NackListener } from "./nack-listeners.ts";
import type { PeerInfo } from "./peer.ts";
import type { ReceiverEvents } from "./receiver-events.ts";
import type { StreamOpening } from "./extension.ts";
import type { StreamWindow } from "./stream/stream.ts";
import type { Streams } from "./stream/streams.ts";
import type { PipelineDeps } from "./pipeline.ts";

export interface ConnectionDeps extends PipelineDeps {
  /** The peer takes no new calls; what is under way still ends. */
  readonly onLeaving: (connection: Connection) => void;
  /** Null without interceptors of calls. */
  readonly callChain: CallChain | null;
}

/**
 * One connection after its handshake. Both sides are alike: each may call, send one-ways and
 * answer. Connections are made by RpcServer and RpcClient.
 */
export class Connection {
  readonly peer: PeerInfo;
  /** For the user: whatever belongs to this connection. */
  context: unknown = null;
  readonly #deps: ConnectionDeps;
  readonly #callChain: CallChain | null;
  readonly #pipeline: Pipeline;
  readonly #lifecycle: Lifecycle;
  readonly #nackListeners = new NackListeners();

  /** The socket is paused and has been through the handshake. */
  constructor(deps: ConnectionDeps) {
    this.peer = deps.peer;
    this.#deps = deps;
    this.#callChain = deps.callChain;
    const events: ReceiverEvents = {
      onControl: (command, body, start, end) => this.#onControl(command, body, start, end),
      onStreamFrame: (command, seq, word, body, start, end) =>
        this.streams.intake.onFrame(command, seq, word, body, start, end),
      onBadMessage: (seq, word, reason) => this.streams.intake.onBadMessage(seq, word, reason),
      onViolation: (code, status, fact) => this.#lifecycle.onViolation(code, status, fact),
      onRefusal: (status, code, message) => this.#lifecycle.onRefusal(status, code, message),
    };
    this.#pipeline = new Pipeline(deps, this, () => this.#lifecycle.onIdle(), events);
    const reader = new SocketReader(deps, this.#pipeline, events, (error) => this.destroy(error));
    this.#lifecycle = new Lifecycle(deps, this.#pipeline, reader, () => deps.onLeaving(this));
    reader.start();
  }

  /** Whether new calls are taken. */
  get isOpen(): boolean {
    return this.#pipeline.state === ConnectionState.open;
  }

  /** What one side of a stream takes ahead, by the options. */
  get streamWindow(): StreamWindow {
    const { streamWindowMessages, streamWindowBytes } = this.#deps.options;
    return { messages: streamWindowMessages, bytes: streamWindowBytes };
  }

  /** The streams of this connection. */
  get streams(): Streams {
    return this.#pipeline.streams;
  }

  /** Bytes that this process holds for the peer to read. */
  get bufferedBytes(): number {
    return this.#pipeline.out.bufferedBytes;
  }

  /** Calls of this side that have not ended. */
  get pendingCalls(): number {
    return this.#pipeline.calls.count;
  }

  /** Requests of the peer that have no answer yet. */
  get inFlightRequests(): number {
    return this.#pipeline.inFlight.requests;
  }

  /**
   * Whether the peer may send this command to this group, 0 for none. Every request was asked about before
   * it reached its handler: this is for a handler that carries out another command in its name.
   */
  allows(command: number, groupId: number): boolean {
    return this.#pipeline.intake.allows(command, groupId);
  }

  /**
   * Calls the peer. `groupId` 0 is no group; `timeoutMs` 0 is no deadline. The argument is encoded
   * before it returns, or later when the call has to wait for a permit: leave it unchanged until
   * the promise settles. With a `parent`, which an IncomingRequest is, the call has at most the time
   * that is left of it and carries its trace on. Rejects with an RpcError.
   */
  call<A, T>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    parent: CallParent | null = null,
  ): Promise<T> {
    const completion = new PromiseCall(decode);
    this.start(command, groupId, timeoutMs, encode, argument, completion, parent);
    return completion.promise;
  }

  /**
   * As `call`, without a promise. `completion` may be called before it returns. Returns what
   * `cancel` takes, 0 when the call has ended already.
   */
  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    parent: CallParent | null = null,
  ): number {
    if (parent !== null || this.#callChain !== null) {
      return this.startExtended(
        command,
        groupId,
        timeoutMs,
        encode,
        argument,
        completion,
        parent,
        null,
      );
    }
    const pipeline = this.#pipeline;
    if (pipeline.state === ConnectionState.open) {
      const { calls } = pipeline;
      return calls.start(command, groupId, timeoutMs, encode, argument, completion, null);
    }
    pipeline.outcome.fail(completion, withoutStack(this.#lifecycle.refusal));
    return 0;
  }

  /** As `start`; with an `opening` the request opens a stream. For `Streams`. */
  startExtended<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    parent: CallParent | null,
    opening: StreamOpening | null,
  ): number {
    let traceparent = parent === null ? null : parent.traceparent;
    const limitMs = parent === null ? timeoutMs : timeWithin(parent, timeoutMs);
    let outcome = completion;
    if (Number.isNaN(limitMs)) {
      // Before the interceptors, who are told of an outcome of every call they have seen.
      throw new RangeError("a timeout of NaN milliseconds");
    }
    if (this.#callChain !== null) {
      const chain = this.#callChain;
      const context = chain.enter(this, command, groupId, limitMs, traceparent, completion);
      traceparent = context.traceparent;
      outcome = context;
    }
    const pipeline = this.#pipeline;
    if (pipeline.state !== ConnectionState.open) {
      pipeline.outcome.fail(outcome, withoutStack(this.#lifecycle.refusal));
      return 0;
    }
    const isPlain = traceparent === null && opening === null;
    const extension = isPlain ? null : new RequestExtension(traceparent, opening);
    const { calls } = pipeline;
    return calls.start(command, groupId, limitMs, encode, argument, outcome, extension);
  }

  /**
   * Gives up a call that `start` has returned: it fails with DT_RPC_CANCELLED, `reason` as its cause,
   * and the peer is told. Nothing happens when it has ended.
   */
  cancel(call: number, reason: unknown): void {
    if (call !== 0) {
      this.streams.cancel(call, reason);
    }
  }

  /**
   * Sends a message that has no answer. Returns false, and sends nothing, when the connection is
   * not open, too many bytes wait to be read by the peer, or it knows no groups and this is for
   * one. Throws what `encode` throws, DT_RPC_TOO_LARGE, and a RangeError for what is no command or group.
   */
  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    const { state, out, maxPeerFrameBytes, maxGroupId } = this.#pipeline;
    const hasRoom = out.bufferedBytes < this.#deps.options.maxSendBufferBytes;
    if (state !== ConnectionState.open || !hasRoom || groupId > maxGroupId) {
      return false;
    }
    if (!isRoute(command, groupId)) {
      throw noRoute(command, groupId);
    }
    const writer = out.begin(groupId);
    try {
      encode(writer, argument);
    } catch (error) {
      out.abandon();
      throw error;
    }
    const { frameBytes } = out;
    if (frameBytes > maxPeerFrameBytes) {
      out.abandon();
      const fault = { code: "DT_RPC_TOO_LARGE", frameBytes } as const;
      throw new RpcError({ ...fault, maxFrameBytes: maxPeerFrameBytes });
    }
    out.finish(ONE_WAY_BYTE, command, 0, 0);
    return true;
  }

  onClose(listener: CloseListener): void {
    this.#lifecycle.onClose(listener);
  }

  onNack(listener: NackListener): void {
    this.#nackListeners.add(listener);
  }

  /**
   * Closes in good order: takes nothing new, tells the peer, waits up to `drainMs` for the calls
   * and requests under way and for the peer to leave, sends what is buffered. Calls that are left
   * fail with DT_RPC_CLOSED.
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#lifecycle.close(options);
  }

  /** Closes at once. Calls fail with DT_RPC_CONNECTION_LOST and this error as its cause. */
  destroy(error: RpcError): void {
    this.#lifecycle.destroy(error);
  }

  #onControl(command: number, body: Buffer, start: number, end: number): void {
    if (command === Command.goaway) {
      this.#lifecycle.onGoaway();
    } else if (command === Command.nack) {
      this.#nackListeners.onNack(body, start, end);
    }
  }
}
