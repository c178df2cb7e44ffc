import type { Authorize } from "./auth/authorize.ts";
import { Capability } from "./capabilities.ts";
import { agreedAlgorithm } from "./compression/algorithm.ts";
import { Compressor } from "./compression/compressed-body.ts";
import { CompressedFrames } from "./compression/compressed-frames.ts";
import { ConnectionState } from "./connection-state.ts";
import { ControlFrames } from "./control-frames.ts";
import { ErrorLog } from "./error-log.ts";
import { LENGTH_BYTES, MAX_GROUP_ID } from "./frame.ts";
import { Outcome } from "./outcome.ts";
import { OutgoingCalls } from "./outgoing-calls.ts";
import { Permits } from "./permits.ts";
import { Receiver } from "./receiver.ts";
import { Replies } from "./replies.ts";
import { RequestIntake } from "./request-intake.ts";
import { SendBuffer, afterCallback } from "./send-buffer.ts";
import { Streams } from "./stream/streams.ts";
import { isTls } from "./tls/read-pace.ts";
import type { Socket } from "node:net";
import type { CommandTable } from "./command-table.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { DeadlineWheel } from "./deadline-wheel.ts";
import type { RpcError } from "./errors.ts";
import type { GroupDispatcher } from "./group-dispatcher.ts";
import type { RequestChain } from "./interceptor/request-chain.ts";
import type { Logger } from "./logger.ts";
import type { ResolvedConnectionOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";
import type { ReceiverEvents } from "./receiver-events.ts";

export interface PipelineDeps {
  readonly socket: Socket;
  readonly peer: PeerInfo;
  readonly commands: CommandTable;
  readonly groups: GroupDispatcher;
  readonly options: ResolvedConnectionOptions;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly wheel: DeadlineWheel;
  /** Null without interceptors of requests. */
  readonly requestChain: RequestChain | null;
  /** Null when the peer may do everything. */
  readonly authorize: Authorize | null;
}

/**
 * The stages that frames pass on one connection.
 *
 *   our calls      -> calls   -> out -> socket        socket -> receiver -> intake -> handlers of ours
 *   our handlers   -> replies -> out -> socket        socket -> receiver -> calls  -> completions of ours
 */
export class Pipeline {
  /** The largest frame the peer takes, its length field included. */
  readonly maxPeerFrameBytes: number;
  /** The largest group id that the peer understands: 0 when it knows no groups. */
  readonly maxGroupId: number;
  readonly out: SendBuffer;
  readonly control: ControlFrames;
  readonly outcome: Outcome;
  readonly calls: OutgoingCalls;
  readonly replies: Replies;
  readonly intake: RequestIntake;
  readonly receiver: Receiver;
  /** Requests of the peer that have no answer yet. */
  readonly inFlight: Permits;
  /** The connection's lifecycle moves it on. */
  state: ConnectionState = ConnectionState.open;
  readonly #deps: PipelineDeps;
  readonly #connection: Connection;
  /** Made when the first stream is: most connections have none. */
  #streams: Streams | null = null;
  /** With what the connection has ended: null in good order, undefined before that. */
  #endedBy: RpcError | null | undefined = undefined;

  /** `onIdle` is called when either all calls or all requests have ended. */
  constructor(
    deps: PipelineDeps,
    connection: Connection,
    onIdle: () => void,
    events: ReceiverEvents,
  ) {
    const { socket, peer, options, counters, logger, wheel } = deps;
    this.#deps = deps;
    this.#connection = connection;
    const maxPeerFrameBytes = peer.limits.maxFrameBytes + LENGTH_BYTES;
    this.maxPeerFrameBytes = maxPeerFrameBytes;
    const maxGroupId = peer.capabilities.includes(Capability.groups) ? MAX_GROUP_ID : 0;
    this.maxGroupId = maxGroupId;
    const out = new SendBuffer(
      socket,
      counters,
      () => this.#onDrained(),
      compressorFor(deps),
      // TLS gives what it reads in records, a callback for each, and takes one write in a turn of the loop.
      isTls(socket) ? setImmediate : afterCallback,
    );
    this.out = out;
    this.control = new ControlFrames(out, options.maxSendBufferBytes);
    const errorLog = new ErrorLog(logger);
    this.outcome = new Outcome(counters, errorLog);
    this.inFlight = new Permits(options.maxInFlightRequests, options.maxInFlightBytes);
    this.calls = new OutgoingCalls(
      out,
      new Permits(
        Math.min(options.maxInFlightRequests, peer.limits.maxInFlightRequests),
        Math.min(options.maxInFlightBytes, peer.limits.maxInFlightBytes),
      ),
      wheel,
      counters,
      this.outcome,
      { ...options, maxPeerFrameBytes, maxGroupId },
      onIdle,
    );
    this.replies = new Replies(
      out,
      this.inFlight,
      counters,
      { ...options, maxPeerFrameBytes },
      onIdle,
    );
    this.intake = new RequestIntake({
      ...deps,
      connection,
      errorLog,
      out,
      control: this.control,
      replies: this.replies,
      inFlight: this.inFlight,
      maxSendBufferBytes: options.maxSendBufferBytes,
    });
    const { maxFrameBytes, compressAboveBytes } = options;
    const { calls, intake, outcome } = this;
    const compressed =
      compressAboveBytes > 0
        ? new CompressedFrames(maxFrameBytes, calls, intake, counters, events)
        : null;
    this.receiver = new Receiver(
      maxFrameBytes,
      calls,
      intake,
      counters,
      outcome,
      events,
      compressed,
    );
  }

  get streams(): Streams {
    this.#streams ??= this.#createStreams();
    return this.#streams;
  }

  /** Those of a connection that has ended are closed from the start. */
  #createStreams(): Streams {
    const { options, counters, wheel, peer } = this.#deps;
    const streams = new Streams({
      connection: this.#connection,
      out: this.out,
      calls: this.calls,
      requests: this.intake,
      counters,
      wheel,
      maxSendBufferBytes: options.maxSendBufferBytes,
      maxStreams: options.maxStreams,
      isKnownToPeer: peer.capabilities.includes(Capability.streams),
    });
    if (this.#endedBy !== undefined) {
      streams.close(this.#endedBy);
    }
    return streams;
  }

  get isIdle(): boolean {
    return this.calls.count === 0 && this.inFlight.requests === 0;
  }

  /**
   * Stops every stage. The calls fail; `error` is null when the connection was closed in good
   * order.
   */
  close(error: RpcError | null): void {
    this.#endedBy = error;
    this.replies.isOpen = false;
    this.receiver.stop();
    this.out.close();
    this.intake.close();
    this.#streams?.close(error);
    this.calls.failAll(error === null ? "DT_RPC_CLOSED" : "DT_RPC_CONNECTION_LOST", error);
  }

  #onDrained(): void {
    this.calls.resume();
    this.intake.resume();
    this.#streams?.resume();
  }
}

/** Null when bodies go as they are, because one of the sides wants it so. */
function compressorFor({ options, peer }: PipelineDeps): Compressor | null {
  const { compressAboveBytes } = options;
  const algorithm = compressAboveBytes > 0 ? agreedAlgorithm(peer.capabilities) : null;
  return algorithm === null ? null : new Compressor(algorithm, compressAboveBytes);
}
