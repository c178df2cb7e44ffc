// Hot path: per call. Bench: bench/echo.bench.ts.
import { CodecError } from "@dt/codec";
import { PromiseCall } from "./call-completion.ts";
import { RpcError, withoutStack } from "./errors.ts";
import { Command, LENGTH_BYTES, ONE_WAY_BYTE, REQUEST_BYTE, RESPONSE_BYTE } from "./frame.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { closeWith } from "./last-words.ts";
import { Liveness } from "./liveness.ts";
import { OutgoingCalls, fail } from "./outgoing-calls.ts";
import { Permits } from "./permits.ts";
import { Receiver } from "./receiver.ts";
import { Replies } from "./replies.ts";
import { RequestIntake } from "./request-intake.ts";
import { SendBuffer } from "./send-buffer.ts";
import { socketError } from "./socket-error.ts";
import { Status, statusFromWire } from "./status.ts";
import type { Socket } from "node:net";
import type { CallCompletion, Decode, Encode } from "./call-completion.ts";
import type { CommandTable } from "./command-table.ts";
import type { Counters } from "./counters.ts";
import type { DeadlineWheel } from "./deadline-wheel.ts";
import type { GroupDispatcher } from "./group-dispatcher.ts";
import type { Logger } from "./logger.ts";
import type { ResolvedConnectionOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";
import type { ReceiverEvents } from "./receiver.ts";

/** A one-way of this side reached no handler. */
export type NackListener = (groupId: number, status: Status, command: number) => void;

/** Null when this side closed the connection in good order. */
export type CloseListener = (error: RpcError | null) => void;

export interface ConnectionDeps {
  readonly socket: Socket;
  readonly peer: PeerInfo;
  readonly commands: CommandTable;
  readonly groups: GroupDispatcher;
  readonly options: ResolvedConnectionOptions;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly wheel: DeadlineWheel;
}

/** open: all works. leaving: the peer has said goodbye, no new calls. closed: the end. */
const State = { open: 0, leaving: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

/**
 * One connection after its handshake. Both sides are alike: each may call, send one-ways and answer.
 * Connections are made by RpcServer and RpcClient.
 */
export class Connection implements ReceiverEvents {
  readonly peer: PeerInfo;
  /** For the user: whatever belongs to this connection. */
  context: unknown = null;
  readonly #socket: Socket;
  readonly #counters: Counters;
  readonly #logger: Logger;
  readonly #maxPeerFrameBytes: number;
  readonly #maxSendBufferBytes: number;
  readonly #maxBufferedBytes: number;
  readonly #out: SendBuffer;
  readonly #inFlight: Permits;
  readonly #calls: OutgoingCalls;
  readonly #replies: Replies;
  readonly #intake: RequestIntake;
  readonly #receiver: Receiver;
  readonly #liveness: Liveness;
  readonly #closeListeners: CloseListener[] = [];
  readonly #nackListeners: NackListener[] = [];
  #goawayListener: (() => void) | null = null;
  #idleWaiters: (() => void)[] = [];
  #state: State = State.open;
  #closed: Promise<void>;

  constructor(deps: ConnectionDeps) {
    const { socket, peer, options, counters, logger, wheel } = deps;
    this.peer = peer;
    this.#socket = socket;
    this.#counters = counters;
    this.#logger = logger;
    this.#maxPeerFrameBytes = peer.limits.maxFrameBytes + LENGTH_BYTES;
    this.#maxSendBufferBytes = options.maxSendBufferBytes;
    this.#maxBufferedBytes = 2 * options.maxReplyBacklogBytes;
    this.#out = new SendBuffer(socket, counters, this.#onDrained);
    this.#inFlight = new Permits(options.maxInFlightRequests, options.maxInFlightBytes);
    const permits = new Permits(
      Math.min(options.maxInFlightRequests, peer.limits.maxInFlightRequests),
      Math.min(options.maxInFlightBytes, peer.limits.maxInFlightBytes),
    );
    this.#calls = new OutgoingCalls(this.#out, permits, wheel, counters, {
      maxPeerFrameBytes: this.#maxPeerFrameBytes,
      maxSendBufferBytes: options.maxSendBufferBytes,
      maxWaitingCalls: options.maxWaitingCalls,
    });
    this.#replies = new Replies(
      this.#out,
      this.#inFlight,
      counters,
      {
        maxPeerFrameBytes: this.#maxPeerFrameBytes,
        maxReplyBacklogBytes: options.maxReplyBacklogBytes,
      },
      this.#onReleased,
    );
    this.#intake = new RequestIntake({
      connection: this,
      commands: deps.commands,
      groups: deps.groups,
      replies: this.#replies,
      inFlight: this.#inFlight,
      counters,
      logger,
    });
    this.#receiver = new Receiver(options.maxFrameBytes, this.#calls, this.#intake, counters, this);
    this.#liveness = new Liveness(wheel, options, this.#ping, this.#giveUp);
    this.#closed = new Promise((resolve) => {
      socket.once("close", () => resolve());
    });
    counters.connectionsOpened++;
    socket.on("data", this.#onData);
    socket.on("error", this.#onSocketError);
    socket.on("close", this.#onSocketClose);
  }

  /** Whether new calls are taken. */
  get isOpen(): boolean {
    return this.#state === State.open;
  }

  /** Bytes that wait to be read by the peer, as far as this process holds them. */
  get bufferedBytes(): number {
    return this.#out.bufferedBytes;
  }

  /** Calls of this side that have not ended. */
  get pendingCalls(): number {
    return this.#calls.count;
  }

  /** Requests of the peer that have no answer yet. */
  get inFlightRequests(): number {
    return this.#inFlight.requests;
  }

  /**
   * Calls the peer. `groupId` 0 is no group; `timeoutMs` 0 is no deadline. The argument is encoded before it
   * returns, or later when the call has to wait for a permit: leave it unchanged until the promise settles.
   * Rejects with an RpcError.
   */
  call<A, T>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
  ): Promise<T> {
    const completion = new PromiseCall(decode);
    this.start(command, groupId, timeoutMs, encode, argument, completion);
    return completion.promise;
  }

  /** As `call`, without a promise. `completion` may be called before it returns. */
  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
  ): void {
    if (this.#state !== State.open) {
      const error =
        this.#state === State.leaving
          ? withoutStack({ code: "DT_RPC_STOPPING" })
          : withoutStack({ code: "DT_RPC_NOT_CONNECTED", address: this.peer.address });
      fail(completion, error, this.#counters);
      return;
    }
    this.#calls.start(command, groupId, timeoutMs, encode, argument, completion);
  }

  /**
   * Sends a message that has no answer. Returns false, and sends nothing, when the connection is not open or
   * too many bytes wait to be read by the peer. Throws what `encode` throws, and DT_RPC_TOO_LARGE.
   */
  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    if (this.#state === State.closed || this.#out.bufferedBytes >= this.#maxSendBufferBytes) {
      return false;
    }
    const out = this.#out;
    const writer = out.begin(groupId);
    try {
      encode(writer, argument);
    } catch (error) {
      out.abandon();
      throw error;
    }
    const { frameBytes } = out;
    if (frameBytes > this.#maxPeerFrameBytes) {
      const maxFrameBytes = this.#maxPeerFrameBytes;
      out.abandon();
      throw new RpcError({ code: "DT_RPC_TOO_LARGE", frameBytes, maxFrameBytes });
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
   * Closes in good order: takes nothing new, tells the peer, waits up to `drainMs` for the calls and requests
   * under way, sends what is buffered. Calls that are left fail with DT_RPC_CLOSED.
   */
  async close(options: { readonly drainMs?: number } = {}): Promise<void> {
    if (this.#state === State.closed) {
      return this.#closed;
    }
    this.#state = State.leaving;
    this.#intake.isStopping = true;
    this.#sendControl(Command.goaway);
    const drainMs = options.drainMs ?? 0;
    if (drainMs > 0 && !this.#isIdle()) {
      await this.#idle(drainMs);
    }
    this.#shutDown(null, null);
    return this.#closed;
  }

  /** Closes at once. Calls fail with DT_RPC_CONNECTION_LOST and this error as its cause. */
  destroy(error: RpcError): void {
    if (this.#tearDown(error)) {
      this.#socket.destroy();
    }
  }

  /** @internal The client is told when the peer takes no new calls. */
  set goawayListener(listener: () => void) {
    this.#goawayListener = listener;
  }

  /** @internal */
  sendNack(groupId: number, status: Status, command: number): void {
    if (this.#out.bufferedBytes < this.#maxSendBufferBytes) {
      const writer = this.#out.begin(0);
      writer.u32(groupId);
      writer.u32(status);
      writer.u16(command);
      this.#out.finish(ONE_WAY_BYTE, Command.nack, 0, 0);
    }
  }

  /** @internal */
  sendPong(seq: number): void {
    this.#out.begin(0);
    this.#out.finish(RESPONSE_BYTE, Command.ping, seq, Status.ok);
  }

  /** @internal Handles what came together with the handshake. */
  begin(rest: Buffer): void {
    if (rest.length > 0) {
      this.#onData(rest);
    }
  }

  /** @internal */
  onControl(command: number, body: Buffer, start: number, end: number): void {
    if (command === Command.goaway) {
      if (this.#state === State.open) {
        this.#state = State.leaving;
        this.#goawayListener?.();
      }
    } else if (command === Command.nack && end - start >= 10) {
      const groupId = body.readUInt32BE(start);
      const status = statusFromWire(body.readUInt32BE(start + 4));
      const nacked = body.readUInt16BE(start + 8);
      for (const listener of this.#nackListeners) {
        listener(groupId, status, nacked);
      }
    }
  }

  /** @internal */
  onViolation(code: string, status: Status, fact: string): void {
    const error = new RpcError({ code: "DT_RPC_PROTOCOL", violation: code, fact });
    this.#shutDown(error, encodeRefusal(0, { status, code, message: fact }));
  }

  /** @internal */
  onRefusal(status: Status, code: string | null, message: string): void {
    this.destroy(
      new RpcError({ code: "DT_RPC_REFUSED", status, remoteCode: code, remoteMessage: message }),
    );
  }

  readonly #onData = (chunk: Buffer): void => {
    const nowMs = performance.now();
    this.#liveness.lastReceivedMs = nowMs;
    try {
      this.#receiver.push(chunk, nowMs);
    } catch (error) {
      if (!(error instanceof CodecError)) {
        throw error;
      }
      this.#counters.malformedFrames++;
      const isLarge = error.code === "DT_CODEC_FRAME_TOO_LARGE";
      const code = isLarge ? "DT_RPC_FRAME_TOO_LARGE" : "DT_RPC_MALFORMED_FRAME";
      this.onViolation(code, isLarge ? Status.tooLarge : Status.invalid, error.message);
    }
    const { bufferedBytes } = this.#out;
    if (bufferedBytes > this.#maxBufferedBytes) {
      const limitBytes = this.#maxBufferedBytes;
      this.destroy(new RpcError({ code: "DT_RPC_SLOW_PEER", bufferedBytes, limitBytes }));
    }
  };

  readonly #onSocketError = (error: Error): void => {
    this.destroy(socketError(error));
  };

  readonly #onSocketClose = (): void => {
    this.#tearDown(new RpcError({ code: "DT_RPC_SOCKET", errno: "EOF" }));
  };

  readonly #onDrained = (): void => {
    this.#calls.resume();
  };

  readonly #onReleased = (): void => {
    this.#checkIdle();
  };

  readonly #ping = (): void => {
    this.#out.begin(0);
    this.#out.finish(REQUEST_BYTE, Command.ping, 0x7fff_ffff, 0);
  };

  readonly #giveUp = (silentMs: number): void => {
    this.destroy(new RpcError({ code: "DT_RPC_PEER_SILENT", silentMs: Math.round(silentMs) }));
  };

  #sendControl(command: number): void {
    this.#out.begin(0);
    this.#out.finish(ONE_WAY_BYTE, command, 0, 0);
  }

  #isIdle(): boolean {
    return this.#calls.count === 0 && this.#inFlight.requests === 0;
  }

  #checkIdle(): void {
    if (this.#idleWaiters.length > 0 && this.#isIdle()) {
      const waiters = this.#idleWaiters;
      this.#idleWaiters = [];
      for (const done of waiters) {
        done();
      }
    }
  }

  #idle(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      this.#idleWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Sends what is buffered and the last words, then closes. */
  #shutDown(error: RpcError | null, lastWords: Buffer | null): void {
    this.#out.flush();
    if (this.#tearDown(error)) {
      closeWith(this.#socket, lastWords);
    }
  }

  /** Ends everything but the socket. Returns false when that has happened before. */
  #tearDown(error: RpcError | null): boolean {
    if (this.#state === State.closed) {
      return false;
    }
    this.#state = State.closed;
    this.#replies.isOpen = false;
    this.#liveness.stop();
    this.#receiver.stop();
    this.#out.close();
    this.#socket.off("data", this.#onData);
    this.#counters.connectionsClosed++;
    this.#calls.failAll(error === null ? "DT_RPC_CLOSED" : "DT_RPC_CONNECTION_LOST", error);
    this.#checkIdle();
    this.#logger.debug({ err: error, peer: this.peer.address }, "connection closed");
    for (const listener of this.#closeListeners) {
      listener(error);
    }
    return true;
  }
}
