import { ConnectionState } from "./connection-state.ts";
import { RpcError } from "./errors.ts";
import { drainTime } from "./drain-time.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { IdleWatch } from "./idle-watch.ts";
import { guarded } from "./guarded.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { socketError } from "./socket-error.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { RpcFault } from "./errors.ts";
import type { Pipeline, PipelineDeps } from "./pipeline.ts";
import type { SocketReader } from "./socket-reader.ts";
import type { Status } from "./status.ts";

/** Null when one of the sides closed the connection and nothing was under way at the other. */
export type CloseListener = (error: RpcError | null) => void;

export interface CloseOptions {
  /**
   * How long to wait for what is under way, in milliseconds; Infinity is 24 days, NaN a RangeError.
   * Default 0.
   */
  readonly drainMs?: number;
}

/** After the peer's goodbye, what is under way may take so long. */
const GOAWAY_DRAIN_MS = 60_000;

/**
 * Takes one connection from open over leaving to closed, whoever ends it: this side, the peer by its
 * goodbye, its refusal or a broken rule, or the socket. The state itself is the pipeline's, where calls find it.
 */
export class Lifecycle {
  readonly #deps: PipelineDeps;
  readonly #pipeline: Pipeline;
  readonly #reader: SocketReader;
  readonly #onLeaving: () => void;
  readonly #idleWatch: IdleWatch;
  /** For the end of the peer's new calls. */
  readonly #departure = new IdleWatch(() => this.#hasPeerLeft);
  readonly #closeListeners: CloseListener[] = [];
  readonly #closed: Promise<void>;
  /** The peer makes no new calls on this connection. */
  #hasPeerLeft = false;

  /** `onLeaving` is called when the peer takes no new calls. */
  constructor(deps: PipelineDeps, pipeline: Pipeline, reader: SocketReader, onLeaving: () => void) {
    const { socket, counters } = deps;
    this.#deps = deps;
    this.#pipeline = pipeline;
    this.#reader = reader;
    this.#onLeaving = onLeaving;
    // What a handler does after the end goes nowhere: nobody waits for it.
    this.#idleWatch = new IdleWatch(
      () => pipeline.isIdle || pipeline.state === ConnectionState.closed,
    );
    counters.connectionsOpened++;
    socket.on("error", (error) => this.destroy(socketError(error)));
    socket.on("end", () => this.#onEnd());
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#onEnd();
        resolve();
      });
    });
  }

  /** Why no call is taken, once the connection is not open any more. */
  get refusal(): RpcFault {
    const { state, intake } = this.#pipeline;
    if (state === ConnectionState.closed) {
      return { code: "DT_RPC_NOT_CONNECTED", address: this.#deps.peer.address };
    }
    return intake.isStopping
      ? { code: "DT_RPC_CLOSED", wasSent: false }
      : { code: "DT_RPC_STOPPING" };
  }

  onClose(listener: CloseListener): void {
    this.#closeListeners.push(listener);
  }

  /** As `Connection.close`. */
  async close(options: CloseOptions): Promise<void> {
    const pipeline = this.#pipeline;
    const drainMs = drainTime(options.drainMs ?? 0);
    if (pipeline.state !== ConnectionState.closed) {
      pipeline.state = ConnectionState.leaving;
      pipeline.intake.isStopping = true;
      pipeline.control.goaway();
      const startMs = performance.now();
      await this.#idleWatch.wait(drainMs);
      // Requests that have crossed with the goodbye shall read that they were refused.
      const leftMs = drainMs - (performance.now() - startMs);
      await this.#departure.wait(Math.min(leftMs, LINGER_MS));
      this.#shutDown(null, null, Math.max(drainMs, LINGER_MS));
    }
    await this.#closed;
  }

  /** As `Connection.destroy`. */
  destroy(error: RpcError): void {
    if (this.#tearDown(error)) {
      this.#deps.socket.destroy();
    }
  }

  /** Either all calls or all requests have ended. */
  onIdle(): void {
    this.#idleWatch.check();
  }

  /** The peer says goodbye: it takes no new calls and makes none. */
  onGoaway(): void {
    this.#hasPeerLeft = true;
    this.#departure.check();
    if (this.#pipeline.state === ConnectionState.open) {
      this.#pipeline.state = ConnectionState.leaving;
      this.#onLeaving();
      void this.#idleWatch.wait(GOAWAY_DRAIN_MS).then(() => {
        this.#shutDown(null, null, LINGER_MS);
      });
    }
  }

  /** The peer has broken the protocol, and is told so. */
  onViolation(code: ConnectionRefusalCode, status: Status, fact: string): void {
    const error = new RpcError({ code: "DT_RPC_PROTOCOL", violation: code, fact });
    this.#shutDown(error, encodeRefusal(0, { status, code, message: fact }), LINGER_MS);
  }

  /** The peer takes no more of this connection; what was answered before it said so is still sent. */
  onRefusal(status: Status, remoteCode: string | null, remoteMessage: string): void {
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
    if (this.#pipeline.state !== ConnectionState.closed) {
      this.#pipeline.out.flush();
    }
    if (this.#tearDown(error)) {
      closeWith(this.#deps.socket, lastWords, lingerMs);
    }
  }

  /** Ends everything but the socket. Returns false when that has happened before. */
  #tearDown(error: RpcError | null): boolean {
    const pipeline = this.#pipeline;
    if (pipeline.state === ConnectionState.closed) {
      return false;
    }
    pipeline.state = ConnectionState.closed;
    this.#hasPeerLeft = true;
    this.#departure.check();
    this.#reader.stop();
    const { counters, logger, peer } = this.#deps;
    counters.connectionsClosed++;
    pipeline.close(error);
    this.#idleWatch.check();
    logger.debug({ err: error, peer: peer.address }, "connection closed");
    for (const listener of this.#closeListeners) {
      guarded(() => listener(error));
    }
    return true;
  }
}
