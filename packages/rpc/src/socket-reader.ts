// Hot path: per chunk. Bench: bench/echo.bench.ts. No closures, no promises.
import { CodecError } from "@dt/codec";
import { RpcError } from "./errors.ts";
import { Liveness } from "./liveness.ts";
import { Status } from "./status.ts";
import { ReadPace, isTls } from "./tls/read-pace.ts";
import type { Socket } from "node:net";
import type { Counters } from "./counters.ts";
import type { Pipeline, PipelineDeps } from "./pipeline.ts";
import type { Receiver } from "./receiver.ts";
import type { ReceiverEvents } from "./receiver-events.ts";
import type { SendBuffer } from "./send-buffer.ts";

/**
 * Reads the socket of one connection: hands each chunk to the receiver, and gives the peer up that sends
 * nothing, or reads nothing, for too long.
 */
export class SocketReader {
  readonly #socket: Socket;
  readonly #counters: Counters;
  readonly #receiver: Receiver;
  readonly #out: SendBuffer;
  readonly #liveness: Liveness;
  /** Null without TLS. */
  readonly #pace: ReadPace | null;
  readonly #maxReplyBacklogBytes: number;
  readonly #events: ReceiverEvents;
  readonly #giveUp: (error: RpcError) => void;

  /** The socket is paused, until `start`. `giveUp` ends the connection at once. */
  constructor(
    { socket, options, counters, wheel }: PipelineDeps,
    { receiver, out, control }: Pipeline,
    events: ReceiverEvents,
    giveUp: (error: RpcError) => void,
  ) {
    this.#socket = socket;
    this.#counters = counters;
    this.#receiver = receiver;
    this.#out = out;
    this.#events = events;
    this.#giveUp = giveUp;
    this.#maxReplyBacklogBytes = options.maxReplyBacklogBytes;
    this.#liveness = new Liveness(
      wheel,
      options,
      () => control.ping(),
      (silentMs) => giveUp(new RpcError({ code: "DT_RPC_PEER_SILENT", silentMs })),
      out,
      (stuckMs) => this.#onSlowPeer(stuckMs),
    );
    this.#pace = isTls(socket) ? new ReadPace(socket, wheel) : null;
  }

  start(): void {
    this.#socket.on("data", this.#onData);
    this.#socket.resume();
  }

  /** Takes no chunk any more, and lets the peer be silent. */
  stop(): void {
    this.#liveness.stop();
    this.#socket.off("data", this.#onData);
  }

  readonly #onData = (chunk: Buffer): void => {
    const nowMs = performance.now();
    try {
      const endsFrame = this.#receiver.push(chunk, nowMs);
      this.#liveness.onChunk(chunk.length, endsFrame, nowMs);
    } catch (error) {
      this.#onDecodeError(error);
    }
    this.#pace?.took(chunk.length);
    if (this.#out.bufferedBytes > this.#maxBufferedBytes()) {
      this.#onSlowPeer(0);
    }
  };

  #onDecodeError(error: unknown): void {
    if (!(error instanceof CodecError)) {
      // A listener has thrown: an error of the program. The decoder has stopped, so the connection
      // ends.
      this.#giveUp(new RpcError({ code: "DT_RPC_LISTENER" }, { cause: error }));
      throw error;
    }
    this.#counters.malformedFrames++;
    if (error.code === "DT_CODEC_FRAME_TOO_LARGE") {
      this.#events.onViolation("DT_RPC_FRAME_TOO_LARGE", Status.tooLarge, error.message);
    } else {
      this.#events.onViolation("DT_RPC_MALFORMED_FRAME", Status.invalid, error.message);
    }
  }

  /**
   * More is buffered only by a peer that sends request after request and reads nothing. One of this side's
   * frames may be there beside it; what the peer says it takes is no measure for that.
   */
  #maxBufferedBytes(): number {
    return 2 * this.#maxReplyBacklogBytes + this.#out.largestFrameBytes;
  }

  /** `stuckMs` is how long it has read nothing at all, 0 when that is not the reason. */
  #onSlowPeer(stuckMs: number): void {
    const { bufferedBytes } = this.#out;
    const limitBytes = this.#maxBufferedBytes();
    const fault = { code: "DT_RPC_SLOW_PEER", bufferedBytes, limitBytes, stuckMs } as const;
    this.#giveUp(new RpcError(fault));
  }
}
