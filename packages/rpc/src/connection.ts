// Hot path: per call. Bench: bench/echo.bench.ts.
import { CodecError } from "@dt/codec";
import { PromiseCall } from "./call-completion.ts";
import { readNack } from "./control-frames.ts";
import { RpcError, withoutStack } from "./errors.ts";
import { Command, ONE_WAY_BYTE } from "./frame.ts";
import { RequestExtension } from "./extension.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { IdleWatch } from "./idle-watch.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { Liveness } from "./liveness.ts";
import { Pipeline } from "./pipeline.ts";
import { socketError } from "./socket-error.ts";
import { Status } from "./status.ts";
import { ReadPace, isTls } from "./tls/read-pace.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { RpcFault } from "./errors.ts";
import type { CallCompletion, Decode, Encode } from "./call-completion.ts";
import type { CallChain } from "./interceptor/call-chain.ts";
import type { PeerInfo } from "./peer.ts";
import type { StreamOpening } from "./extension.ts";
import type { StreamWindow } from "./stream/stream.ts";
import type { Streams } from "./stream/streams.ts";
import type { PipelineDeps } from "./pipeline.ts";

/** A one-way of this side reached no handler. */
export type NackListener = (groupId: number, status: Status, command: number) => void;

/** Null when one of the sides closed the connection and nothing was under way at the other. */
export type CloseListener = (error: RpcError | null) => void;

export interface CloseOptions {
  /** How long to wait for what is under way, in milliseconds. Default 0. */
  readonly drainMs?: number;
}

export interface ConnectionDeps extends PipelineDeps {
  /** The peer takes no new calls; what is under way still ends. */
  readonly onLeaving: (connection: Connection) => void;
  /** Null without interceptors of calls. */
  readonly callChain: CallChain | null;
}

/** A request in whose name calls are made: they inherit its deadline and its trace. */
export interface CallParent {
  /** Of performance.now(), 0 for none. */
  readonly deadlineMs: number;
  readonly traceparent: string | null;
}

/** open: all works. leaving: no new calls, what is under way still ends. closed: nothing works. */
const State = { open: 0, leaving: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

/** After the peer's goodbye, what is under way may take so long. */
const GOAWAY_DRAIN_MS = 60_000;

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
  /** More is buffered only by a peer that sends request after request and reads nothing. */
  readonly #maxBufferedBytes: number;
  readonly #pipeline: Pipeline;
  readonly #liveness: Liveness;
  /** Null without TLS. */
  readonly #pace: ReadPace | null;
  readonly #idleWatch: IdleWatch;
  /** For the end of the peer's new calls. */
  readonly #departure = new IdleWatch(() => this.#hasPeerLeft);
  readonly #closeListeners: CloseListener[] = [];
  readonly #nackListeners: NackListener[] = [];
  readonly #closed: Promise<void>;
  #state: State = State.open;
  /** The peer makes no new calls on this connection. */
  #hasPeerLeft = false;

  /** The socket is paused and has been through the handshake. */
  constructor(deps: ConnectionDeps) {
    const { socket, peer, options, counters, wheel } = deps;
    this.peer = peer;
    this.#deps = deps;
    this.#callChain = deps.callChain;
    this.#idleWatch = new IdleWatch(() => this.#pipeline.isIdle);
    this.#pipeline = new Pipeline(deps, this, () => this.#idleWatch.check(), {
      onControl: (command, body, start, end) => this.#onControl(command, body, start, end),
      onStreamFrame: (command, seq, word, body, start, end) =>
        this.streams.intake.onFrame(command, seq, word, body, start, end),
      onBadMessage: (seq, word, reason) => this.streams.intake.onBadMessage(seq, word, reason),
      onViolation: (code, status, fact) => this.#onViolation(code, status, fact),
      onRefusal: (status, remoteCode, remoteMessage) =>
        this.#onRefusal(status, remoteCode, remoteMessage),
    });
    this.#maxBufferedBytes = 2 * options.maxReplyBacklogBytes + peer.limits.maxFrameBytes;
    this.#liveness = new Liveness(
      wheel,
      options,
      () => this.#pipeline.control.ping(),
      (silentMs) => this.destroy(new RpcError({ code: "DT_RPC_PEER_SILENT", silentMs })),
      this.#pipeline.out,
      (stuckMs) => this.#onSlowPeer(stuckMs),
    );
    this.#pace = isTls(socket) ? new ReadPace(socket, wheel) : null;
    counters.connectionsOpened++;
    socket.on("data", this.#onData);
    socket.on("error", (error) => this.destroy(socketError(error)));
    socket.on("end", () => this.#onEnd());
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#onEnd();
        resolve();
      });
    });
    socket.resume();
  }

  /** Whether new calls are taken. */
  get isOpen(): boolean {
    return this.#state === State.open;
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
    if (this.#state === State.open) {
      const { calls } = this.#pipeline;
      return calls.start(command, groupId, timeoutMs, encode, argument, completion, null);
    }
    this.#pipeline.outcome.fail(completion, withoutStack(this.#refusal()));
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
    if (this.#callChain !== null) {
      const chain = this.#callChain;
      const context = chain.enter(this, command, groupId, limitMs, traceparent, completion);
      traceparent = context.traceparent;
      outcome = context;
    }
    if (this.#state !== State.open) {
      this.#pipeline.outcome.fail(outcome, withoutStack(this.#refusal()));
      return 0;
    }
    const isPlain = traceparent === null && opening === null;
    const extension = isPlain ? null : new RequestExtension(traceparent, opening);
    const { calls } = this.#pipeline;
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
   * one. Throws what `encode` throws, and DT_RPC_TOO_LARGE.
   */
  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    const { out, maxPeerFrameBytes, maxGroupId } = this.#pipeline;
    const limitBytes = this.#deps.options.maxSendBufferBytes;
    if (this.#state !== State.open || out.bufferedBytes >= limitBytes || groupId > maxGroupId) {
      return false;
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
    this.#closeListeners.push(listener);
  }

  onNack(listener: NackListener): void {
    this.#nackListeners.push(listener);
  }

  /**
   * Closes in good order: takes nothing new, tells the peer, waits up to `drainMs` for the calls
   * and requests under way and for the peer to leave, sends what is buffered. Calls that are left
   * fail with DT_RPC_CLOSED.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    if (this.#state !== State.closed) {
      this.#state = State.leaving;
      this.#pipeline.intake.isStopping = true;
      this.#pipeline.control.goaway();
      const drainMs = options.drainMs ?? 0;
      const startMs = performance.now();
      await this.#idleWatch.wait(drainMs);
      // Requests that have crossed with the goodbye shall read that they were refused.
      const leftMs = drainMs - (performance.now() - startMs);
      await this.#departure.wait(Math.min(leftMs, LINGER_MS));
      this.#shutDown(null, null, Math.max(drainMs, LINGER_MS));
    }
    await this.#closed;
  }

  /** Closes at once. Calls fail with DT_RPC_CONNECTION_LOST and this error as its cause. */
  destroy(error: RpcError): void {
    if (this.#tearDown(error)) {
      this.#deps.socket.destroy();
    }
  }

  /** Why no call is taken. */
  #refusal(): RpcFault {
    if (this.#state === State.closed) {
      return { code: "DT_RPC_NOT_CONNECTED", address: this.peer.address };
    }
    return this.#pipeline.intake.isStopping
      ? { code: "DT_RPC_CLOSED", wasSent: false }
      : { code: "DT_RPC_STOPPING" };
  }

  readonly #onData = (chunk: Buffer): void => {
    const nowMs = performance.now();
    try {
      if (this.#pipeline.receiver.push(chunk, nowMs)) {
        this.#liveness.lastReceivedMs = nowMs;
      }
    } catch (error) {
      this.#onDecodeError(error);
    }
    this.#pace?.took(chunk.length);
    const { bufferedBytes } = this.#pipeline.out;
    if (bufferedBytes > this.#maxBufferedBytes) {
      this.#onSlowPeer(0);
    }
  };

  /** `stuckMs` is how long it has read nothing at all, 0 when that is not the reason. */
  #onSlowPeer(stuckMs: number): void {
    const { bufferedBytes } = this.#pipeline.out;
    const limitBytes = this.#maxBufferedBytes;
    const fault = { code: "DT_RPC_SLOW_PEER", bufferedBytes, limitBytes, stuckMs } as const;
    this.destroy(new RpcError(fault));
  }

  #onDecodeError(error: unknown): void {
    if (!(error instanceof CodecError)) {
      // A listener has thrown: an error of the program. The decoder has stopped, so the connection
      // ends.
      this.destroy(new RpcError({ code: "DT_RPC_LISTENER" }, { cause: error }));
      throw error;
    }
    this.#deps.counters.malformedFrames++;
    if (error.code === "DT_CODEC_FRAME_TOO_LARGE") {
      this.#onViolation("DT_RPC_FRAME_TOO_LARGE", Status.tooLarge, error.message);
    } else {
      this.#onViolation("DT_RPC_MALFORMED_FRAME", Status.invalid, error.message);
    }
  }

  #onControl(command: number, body: Buffer, start: number, end: number): void {
    if (command === Command.goaway) {
      this.#hasPeerLeft = true;
      this.#departure.check();
    }
    if (command === Command.goaway && this.#state === State.open) {
      this.#state = State.leaving;
      this.#deps.onLeaving(this);
      void this.#idleWatch.wait(GOAWAY_DRAIN_MS).then(() => {
        this.#shutDown(null, null, LINGER_MS);
      });
    } else if (command === Command.nack) {
      const nack = readNack(body, start, end);
      if (nack !== null) {
        for (const listener of this.#nackListeners) {
          listener(nack.groupId, nack.status, nack.command);
        }
      }
    }
  }

  #onViolation(code: ConnectionRefusalCode, status: Status, fact: string): void {
    const error = new RpcError({ code: "DT_RPC_PROTOCOL", violation: code, fact });
    this.#shutDown(error, encodeRefusal(0, { status, code, message: fact }), LINGER_MS);
  }

  /** The peer takes no more of this connection; what was answered before it said so is still sent. */
  #onRefusal(status: Status, remoteCode: string | null, remoteMessage: string): void {
    const error = new RpcError({ code: "DT_RPC_REFUSED", status, remoteCode, remoteMessage });
    this.#shutDown(error, null, LINGER_MS);
  }

  /** The peer sends no more. In good order this side would have closed by now. */
  #onEnd(): void {
    const { intake, isIdle } = this.#pipeline;
    if (intake.isStopping && isIdle) {
      this.#shutDown(null, null, LINGER_MS);
      return;
    }
    this.#shutDown(new RpcError({ code: "DT_RPC_SOCKET", errno: "EOF" }), null, LINGER_MS);
  }

  /** Sends what is buffered and the last words, then closes. */
  #shutDown(error: RpcError | null, lastWords: Buffer | null, lingerMs: number): void {
    if (this.#state !== State.closed) {
      this.#pipeline.out.flush();
    }
    if (this.#tearDown(error)) {
      closeWith(this.#deps.socket, lastWords, lingerMs);
    }
  }

  /** Ends everything but the socket. Returns false when that has happened before. */
  #tearDown(error: RpcError | null): boolean {
    if (this.#state === State.closed) {
      return false;
    }
    this.#state = State.closed;
    this.#hasPeerLeft = true;
    this.#departure.check();
    this.#liveness.stop();
    const { socket, counters, logger } = this.#deps;
    socket.off("data", this.#onData);
    counters.connectionsClosed++;
    this.#pipeline.close(error);
    this.#idleWatch.check();
    logger.debug({ err: error, peer: this.peer.address }, "connection closed");
    for (const listener of this.#closeListeners) {
      listener(error);
    }
    return true;
  }
}

/** The time for a call in the name of `parent`; negative when there is none left. */
function timeWithin(parent: CallParent, timeoutMs: number): number {
  if (parent.deadlineMs === 0) {
    return timeoutMs;
  }
  // 0 would mean no deadline.
  const leftMs = parent.deadlineMs - performance.now() || -1;
  return timeoutMs === 0 ? leftMs : Math.min(timeoutMs, leftMs);
}
