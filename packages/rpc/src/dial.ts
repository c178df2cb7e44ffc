import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { RpcError } from "./errors.ts";
import { OfferingHandshake } from "./offering-handshake.ts";
import { describeAddress } from "./options.ts";
import { connectError, tlsConnectError, tlsError } from "./socket-error.ts";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { OnHandshake } from "./handshake.ts";
import type { ResolvedClientOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";

export interface DialDeps {
  readonly options: ResolvedClientOptions;
  readonly onHandshake: OnHandshake;
  /** Null without TLS. */
  readonly secureContext: SecureContext | null;
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
    this.#socket = openSocket(deps);
    this.#socket.on("error", this.#onError);
    this.#socket.on("close", this.#onClose);
    this.#socket.on(deps.secureContext === null ? "connect" : "secureConnect", this.#onConnect);
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
    const address = describeAddress(this.#deps.options.address);
    const isTls = this.#deps.secureContext !== null;
    this.#error ??= isTls ? tlsConnectError(address, error) : connectError(address, error);
  };

  readonly #onClose = (): void => {
    clearTimeout(this.#timer);
    this.#fail(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
  };

  readonly #onConnect = (): void => {
    const { options, onHandshake } = this.#deps;
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    new OfferingHandshake({
      credentials: options.auth,
      socket: this.#socket,
      options,
      onHandshake,
      onDone: (peer) => {
        clearTimeout(this.#timer);
        this.#deps.onDone(this.#socket, peer);
      },
      onFailed: (error) => {
        clearTimeout(this.#timer);
        this.#fail(this.#isAlert(error) ? this.#alertError(error) : error);
      },
    }).listen();
  };

  /** With TLS 1.3 a server turns a certificate down after the client is through with its handshake. */
  #isAlert({ fault }: RpcError): boolean {
    return fault.code === "DT_RPC_SOCKET" && fault.errno.startsWith("ERR_SSL_");
  }

  #alertError(error: RpcError): RpcError {
    return tlsError(describeAddress(this.#deps.options.address), error.cause);
  }

  /** What this side decided counts more than what the socket reports because of it. */
  #fail(error: RpcError): void {
    this.#deps.onFailed(this.#error ?? error);
  }
}

function openSocket({ options, secureContext }: DialDeps): Socket {
  const { address, tls } = options;
  if (secureContext === null) {
    return connectSocket({ ...address, noDelay: true });
  }
  const name = tls?.serverName;
  const socket = connectTls({
    ...address,
    secureContext,
    // Otherwise NODE_TLS_REJECT_UNAUTHORIZED in the environment would decide.
    rejectUnauthorized: true,
    ...(name === undefined ? {} : { servername: name }),
  });
  socket.setNoDelay(true);
  return socket;
}
