import { connect as connectSocket } from "node:net";
import { RpcError } from "./errors.ts";
import { offerHandshake } from "./handshake.ts";
import { describeAddress } from "./options.ts";
import { connectError } from "./socket-error.ts";
import type { Socket } from "node:net";
import type { OnHandshake } from "./handshake.ts";
import type { ResolvedClientOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";

export interface DialDeps {
  readonly options: ResolvedClientOptions;
  readonly onHandshake: OnHandshake;
  /** The socket is paused, and what follows the handshake is still in it. */
  onDone(socket: Socket, peer: PeerInfo): void;
  onFailed(error: RpcError): void;
}

/**
 * One attempt to connect: socket and handshake. Exactly one of the two callbacks is called, once.
 */
export class Dial {
  readonly #deps: DialDeps;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #error: RpcError | null = null;

  constructor(deps: DialDeps) {
    this.#deps = deps;
    this.#timer = setTimeout(this.#onTimeout, deps.options.connectTimeoutMs);
    this.#socket = connectSocket({ ...deps.options.address, noDelay: true });
    this.#socket.on("error", this.#onError);
    this.#socket.on("close", this.#onClose);
    this.#socket.on("connect", this.#onConnect);
  }

  /** Gives up: `onFailed` is called with DT_RPC_CLOSED when the socket is gone. */
  abort(): void {
    this.#error = new RpcError({ code: "DT_RPC_CLOSED", wasSent: false });
    this.#socket.destroy();
  }

  readonly #onTimeout = (): void => {
    const { address, connectTimeoutMs } = this.#deps.options;
    this.#error = new RpcError({
      code: "DT_RPC_CONNECT_TIMEOUT",
      address: describeAddress(address),
      timeoutMs: connectTimeoutMs,
    });
    this.#socket.destroy();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= connectError(describeAddress(this.#deps.options.address), error);
  };

  readonly #onClose = (): void => {
    clearTimeout(this.#timer);
    this.#fail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
  };

  readonly #onConnect = (): void => {
    const { options, onHandshake } = this.#deps;
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    offerHandshake({
      socket: this.#socket,
      options,
      onHandshake,
      onDone: (peer) => {
        clearTimeout(this.#timer);
        this.#deps.onDone(this.#socket, peer);
      },
      onFailed: (error) => {
        clearTimeout(this.#timer);
        this.#fail(error);
      },
    });
  };

  /** What this side decided counts more than what the socket reports because of it. */
  #fail(error: RpcError): void {
    this.#deps.onFailed(this.#error ?? error);
  }
}
