import { RpcError } from "./errors.ts";
import {
  FirstFrameCollector,
  encodeAcceptance,
  encodeOffer,
  encodeRefusal,
  readFirstFrame,
} from "./handshake-frame.ts";
import { Kind } from "./frame.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { socketError } from "./socket-error.ts";
import { Status } from "./status.ts";
import type { Socket } from "node:net";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { ResolvedConnectionOptions } from "./options.ts";
import type { PeerInfo, Refusal } from "./peer.ts";

/** The largest first frame that is read. */
const MAX_HELLO_BYTES = 64 * 1024;

/** A peer that is given up because of too many others holds its socket no longer than that. */
const GIVE_UP_LINGER_MS = 10;

/** Judges a peer once it has introduced itself: null accepts it. */
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

/** Runs the handshake of the side that connected: it speaks first. */
export function offerHandshake(deps: HandshakeDeps): void {
  const handshake = new Handshake(deps, Kind.response);
  const { options } = deps;
  deps.socket.write(encodeOffer(options.identity, options));
  handshake.listen();
}

/** Runs the handshake of the side that was connected to. */
export function acceptHandshake(deps: HandshakeDeps): Handshake {
  const handshake = new Handshake(deps, Kind.request);
  handshake.listen();
  return handshake;
}

/** A handshake under way. Made by `offerHandshake` and `acceptHandshake`. */
export class Handshake {
  readonly #deps: HandshakeDeps;
  readonly #expected: typeof Kind.request | typeof Kind.response;
  readonly #collector = new FirstFrameCollector(MAX_HELLO_BYTES);
  readonly #timer: NodeJS.Timeout;
  #lastLook: NodeJS.Immediate | null = null;

  constructor(deps: HandshakeDeps, expected: typeof Kind.request | typeof Kind.response) {
    this.#deps = deps;
    this.#expected = expected;
    // After the time is up the socket is read once more: what has arrived while this process stood
    // still counts as in time.
    this.#timer = setTimeout(() => {
      this.#lastLook = setImmediate(this.#onTimeout);
    }, deps.options.handshakeTimeoutMs);
  }

  listen(): void {
    const { socket } = this.#deps;
    socket.on("data", this.#onData);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    const frame = this.#collector.push(chunk);
    if (frame === null) {
      return;
    }
    if (!Buffer.isBuffer(frame)) {
      this.#refuse(0, frame, violationError(frame));
      return;
    }
    const { socket, options, onHandshake } = this.#deps;
    const address = peerAddress(socket);
    const first = readFirstFrame(frame, this.#expected, address);
    if (first.kind === "refusal") {
      this.#fail(first.error);
      return;
    }
    if (first.kind === "violation") {
      this.#refuse(first.seq, first.refusal, violationError(first.refusal));
      return;
    }
    const refusal = onHandshake(first.peer);
    if (refusal !== null) {
      const { code: reason, message: fact } = refusal;
      const error = new RpcError({ code: "DT_RPC_REJECTED", reason, fact });
      this.#refuse(this.#expected === Kind.request ? first.seq : 0, refusal, error);
      return;
    }
    if (this.#expected === Kind.request) {
      socket.write(encodeAcceptance(first.seq, options.identity, options));
    }
    this.#stop();
    socket.pause();
    if (this.#collector.rest.length > 0) {
      socket.unshift(this.#collector.rest);
    }
    this.#deps.onDone(first.peer);
  };

  /** Ends it for a reason of this side, which the peer is told. */
  giveUp(refusal: Refusal): void {
    const { code: reason, message: fact } = refusal;
    const error = new RpcError({ code: "DT_RPC_REJECTED", reason, fact });
    this.#refuse(0, refusal, error, GIVE_UP_LINGER_MS);
  }

  readonly #onTimeout = (): void => {
    const timeoutMs = this.#deps.options.handshakeTimeoutMs;
    const error = new RpcError({ code: "DT_RPC_HANDSHAKE_TIMEOUT", timeoutMs });
    const code: ConnectionRefusalCode = "DT_RPC_HANDSHAKE_TIMEOUT";
    const message = `no handshake within ${timeoutMs} ms`;
    this.#refuse(0, { status: Status.timeout, code, message }, error);
  };

  readonly #onError = (error: Error): void => {
    this.#fail(socketError(error));
  };

  readonly #onClose = (): void => {
    this.#fail(new RpcError({ code: "DT_RPC_CONNECTION_LOST", wasSent: false }));
  };

  /** Tells the peer why, then closes. */
  #refuse(seq: number, refusal: Refusal, error: RpcError, lingerMs: number = LINGER_MS): void {
    const { socket } = this.#deps;
    this.#stop();
    socket.on("error", ignore);
    closeWith(socket, encodeRefusal(seq, refusal), lingerMs);
    this.#deps.onFailed(error);
  }

  #fail(error: RpcError): void {
    const { socket } = this.#deps;
    this.#stop();
    socket.on("error", ignore);
    socket.destroy();
    this.#deps.onFailed(error);
  }

  #stop(): void {
    const { socket } = this.#deps;
    clearTimeout(this.#timer);
    if (this.#lastLook !== null) {
      clearImmediate(this.#lastLook);
    }
    socket.off("data", this.#onData);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
  }
}

function violationError(refusal: Refusal): RpcError {
  const { code, message } = refusal;
  return new RpcError({ code: "DT_RPC_PROTOCOL", violation: code, fact: message });
}

/** After the outcome is decided, what else happens to the socket has no one to tell. */
function ignore(): void {}

function peerAddress(socket: Socket): string {
  return socket.remoteAddress === undefined
    ? "unix"
    : `${socket.remoteAddress}:${socket.remotePort ?? 0}`;
}
