import { RpcError } from "./errors.ts";
import { FrameCollector } from "./frame-collector.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { socketError } from "./socket-error.ts";
import { Status } from "./status.ts";
import type { Socket } from "node:net";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { ResolvedConnectionOptions } from "./options.ts";
import type { PeerInfo, Refusal } from "./peer.ts";

/** All that is read of a peer before it is accepted. */
const MAX_HANDSHAKE_BYTES = 64 * 1024;

/** A peer that is given up because of too many others holds its socket no longer than that. */
const GIVE_UP_LINGER_MS = 10;

/** Judges a peer once it has introduced itself and proved who it is: null accepts it. */
export type OnHandshake = (peer: PeerInfo) => Refusal | null;

export function acceptEveryone(): null {
  return null;
}

export interface HandshakeDeps {
  readonly socket: Socket;
  readonly options: ResolvedConnectionOptions;
  readonly onHandshake: OnHandshake;
  /** The socket is paused and has no listeners; what follows the handshake is still in it. */
  onDone(peer: PeerInfo): void;
  /** The socket is destroyed, or about to be once the refusal is out. */
  onFailed(error: RpcError): void;
}

/** What both sides of a handshake have in common: frames, time and the two ways to end. */
export abstract class Handshake {
  protected readonly deps: HandshakeDeps;
  readonly #frames = new FrameCollector(MAX_HANDSHAKE_BYTES);
  readonly #timer: NodeJS.Timeout;
  #lastLook: NodeJS.Immediate | null = null;
  /** Something is being calculated; the peer has to wait. */
  #isBusy = false;
  #isOver = false;

  constructor(deps: HandshakeDeps) {
    this.deps = deps;
    // After the time is up the socket is read once more: what has arrived while this process stood
    // still counts as in time.
    this.#timer = setTimeout(() => {
      this.#lastLook = setImmediate(this.#onTimeout);
    }, deps.options.handshakeTimeoutMs);
  }

  /** Takes a frame without its length, of at least 12 bytes. */
  protected abstract onFrame(frame: Buffer): void;

  listen(): void {
    const { socket } = this.deps;
    socket.on("data", this.#onData);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  /** Goes on with a result when it is there; nothing is read before that. */
  protected settle<T>(
    result: T | Promise<T>,
    onResult: (value: T) => void,
    onError: (error: unknown) => void,
  ): void {
    if (!(result instanceof Promise)) {
      onResult(result);
      return;
    }
    this.#isBusy = true;
    this.deps.socket.pause();
    result.then(
      (value) => this.#goOn(() => onResult(value)),
      (error: unknown) => this.#goOn(() => onError(error)),
    );
  }

  protected done(peer: PeerInfo): void {
    const { socket } = this.deps;
    this.#stop();
    socket.pause();
    if (this.#frames.rest.length > 0) {
      socket.unshift(this.#frames.rest);
    }
    this.deps.onDone(peer);
  }

  /** Ends it for a reason of this side, which the peer is told. */
  giveUp(refusal: Refusal): void {
    this.refuse(0, refusal, rejectedError(refusal), GIVE_UP_LINGER_MS);
  }

  /** Tells the peer why, then closes. */
  protected refuse(
    seq: number,
    refusal: Refusal,
    error: RpcError,
    lingerMs: number = LINGER_MS,
  ): void {
    const { socket } = this.deps;
    this.#stop();
    socket.on("error", ignore);
    closeWith(socket, encodeRefusal(seq, refusal), lingerMs);
    this.deps.onFailed(error);
  }

  protected violate(seq: number, refusal: Refusal): void {
    const { code, message } = refusal;
    const error = new RpcError({ code: "DT_RPC_PROTOCOL", violation: code, fact: message });
    this.refuse(seq, refusal, error);
  }

  /** `reason` is for this side, `message` for the peer. */
  protected refuseUnauthenticated(seq: number, reason: string, message: string): void {
    const code: ConnectionRefusalCode = "DT_RPC_UNAUTHENTICATED";
    const error = new RpcError({ code, address: this.address, reason });
    this.refuse(seq, { status: Status.unauthenticated, code, message }, error);
  }

  protected fail(error: RpcError): void {
    const { socket } = this.deps;
    this.#stop();
    socket.on("error", ignore);
    socket.destroy();
    this.deps.onFailed(error);
  }

  /** "host:port", or "unix". */
  protected get address(): string {
    const { remoteAddress, remotePort } = this.deps.socket;
    return remoteAddress === undefined ? "unix" : `${remoteAddress}:${remotePort ?? 0}`;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#frames.push(chunk);
    this.#read();
  };

  #read(): void {
    while (!this.#isBusy && !this.#isOver) {
      const frame = this.#frames.next();
      if (frame === null) {
        return;
      }
      if (Buffer.isBuffer(frame)) {
        this.onFrame(frame);
      } else {
        this.violate(0, frame);
      }
    }
  }

  #goOn(proceed: () => void): void {
    if (this.#isOver) {
      return;
    }
    this.#isBusy = false;
    this.deps.socket.resume();
    proceed();
    this.#read();
  }

  readonly #onTimeout = (): void => {
    const timeoutMs = this.deps.options.handshakeTimeoutMs;
    const error = new RpcError({ code: "DT_RPC_HANDSHAKE_TIMEOUT", timeoutMs });
    const code: ConnectionRefusalCode = "DT_RPC_HANDSHAKE_TIMEOUT";
    const message = `no handshake within ${timeoutMs} ms`;
    this.refuse(0, { status: Status.timeout, code, message }, error);
  };

  readonly #onError = (error: Error): void => {
    this.fail(socketError(error));
  };

  readonly #onClose = (): void => {
    this.fail(new RpcError({ code: "DT_RPC_CONNECTION_LOST", wasSent: false }));
  };

  #stop(): void {
    const { socket } = this.deps;
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#lastLook !== null) {
      clearImmediate(this.#lastLook);
    }
    socket.off("data", this.#onData);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
  }
}

/** After the outcome is decided, what else happens to the socket has no one to tell. */
function ignore(): void {}

/** The user's verdict on a peer as the error of this side. */
export function rejectedError({ code: reason, message: fact }: Refusal): RpcError {
  return new RpcError({ code: "DT_RPC_REJECTED", reason, fact });
}
