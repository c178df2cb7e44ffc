import { AcceptingHandshake } from "./accepting-handshake.ts";
import { ServerAuth } from "./auth/server-auth.ts";
import { RpcError } from "./errors.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { Status } from "./status.ts";
import { TlsAcceptor } from "./tls/tls-acceptor.ts";
import type { Socket } from "node:net";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { OnHandshake } from "./handshake.ts";
import type { ResolvedServerOptions } from "./options.ts";
import type { PeerInfo, Refusal } from "./peer.ts";
import type { ServerTls } from "./tls/tls-options.ts";

const FULL = refusal(
  Status.flowControl,
  "DT_RPC_TOO_MANY_CONNECTIONS",
  "the server has as many connections as it takes",
);
const TOO_MANY_HANDSHAKES = refusal(
  Status.flowControl,
  "DT_RPC_TOO_MANY_HANDSHAKES",
  "given up for a newer one, because too many handshakes are under way",
);
const STOPPING = refusal(Status.stopping, "DT_RPC_STOPPING", "the server is stopping");
/** So many turned down at a time may read why; more are cut off. */
const MAX_LINGERING = 1024;

export interface ArrivalsDeps {
  readonly options: ResolvedServerOptions;
  readonly onHandshake: OnHandshake;
  /** The socket is paused, and what follows the handshake is still in it. */
  onPeer(socket: Socket, peer: PeerInfo): void;
  onFailed(error: RpcError): void;
}

/** The sockets of a server from accept to the end of the handshake, and how many there are in all. */
export class Arrivals {
  readonly #deps: ArrivalsDeps;
  readonly #auth: ServerAuth | null;
  readonly #acceptor: TlsAcceptor | null;
  /** Every accepted socket that is not closed, but for those turned down at the door. */
  readonly #sockets = new Set<Socket>();
  /** Those in the TLS handshake by their address and port, the oldest first. Unix sockets are not. */
  readonly #securing = new Map<string, Socket>();
  /** The handshakes under way, by their sockets, the oldest first. */
  readonly #arriving = new Map<Socket, AcceptingHandshake>();
  #lingering = 0;
  #isStopping = false;

  constructor(deps: ArrivalsDeps) {
    const { auth, tls, handshakeTimeoutMs } = deps.options;
    this.#deps = deps;
    this.#auth = auth === null ? null : new ServerAuth(auth);
    this.#acceptor =
      tls === null
        ? null
        : new TlsAcceptor(tls, handshakeTimeoutMs, {
            onSecure: (socket, distrust) => this.#onSecure(socket, distrust),
            onFailed: (error) => deps.onFailed(error),
          });
  }

  /** Takes a socket that was just accepted. */
  readonly take = (socket: Socket): void => {
    const isFull = this.#sockets.size >= this.#deps.options.maxConnections;
    if (this.#isStopping || isFull) {
      this.#turnDown(socket, this.#isStopping ? STOPPING : FULL);
      return;
    }
    this.#makeRoom();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#acceptor === null) {
      this.#shake(socket);
    } else {
      this.#secure(this.#acceptor, socket);
    }
  };

  /**
   * The handshake that has taken longest is given up for a new one, among those of TLS or those after it,
   * whichever are more.
   */
  #makeRoom(): void {
    if (this.#securing.size + this.#arriving.size < this.#deps.options.maxHandshakes) {
      return;
    }
    if (this.#securing.size > this.#arriving.size) {
      const [oldest] = this.#securing.values();
      oldest?.destroy();
    } else {
      const [oldest] = this.#arriving.values();
      oldest?.giveUp(TOO_MANY_HANDSHAKES);
    }
  }

  #secure(acceptor: TlsAcceptor, socket: Socket): void {
    const key = keyOf(socket);
    if (key !== null) {
      this.#securing.set(key, socket);
      socket.once("close", () => {
        // The next socket may have the same address before this one has told of its end.
        if (this.#securing.get(key) === socket) {
          this.#securing.delete(key);
        }
      });
    }
    socket.on("error", ignore);
    acceptor.accept(socket);
  }

  /** Ends what is in the handshake and takes nothing new. */
  stop(): void {
    this.#isStopping = true;
    for (const socket of this.#arriving.keys()) {
      socket.destroy();
    }
  }

  /** Ends everything that is left, such as a TLS handshake. */
  destroy(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  /** Throws DT_RPC_OPTIONS. */
  reloadTls(tls: ServerTls): void {
    if (this.#acceptor === null) {
      throw new RpcError({ code: "DT_RPC_OPTIONS", problems: ["tls: this server has none"] });
    }
    this.#acceptor.reload(tls);
  }

  #onSecure(socket: Socket, distrust: string | null): void {
    this.#securing.delete(keyOf(socket) ?? "");
    if (this.#isStopping) {
      this.#turnDown(socket, STOPPING);
    } else if (distrust === null) {
      this.#shake(socket);
    } else {
      const message = `the certificate of the client: ${distrust}`;
      this.#turnDown(socket, refusal(Status.unauthenticated, "DT_RPC_CERTIFICATE", message));
    }
  }

  #shake(socket: Socket): void {
    const { options, onHandshake } = this.#deps;
    const handshake = new AcceptingHandshake({
      socket,
      options,
      onHandshake,
      auth: this.#auth,
      onDone: (peer) => {
        this.#arriving.delete(socket);
        this.#deps.onPeer(socket, peer);
      },
      onFailed: (error) => {
        this.#arriving.delete(socket);
        this.#deps.onFailed(error);
      },
    });
    this.#arriving.set(socket, handshake);
    handshake.listen();
  }

  /** Before TLS nothing can be said that the peer would understand. */
  #turnDown(socket: Socket, why: Refusal): void {
    socket.on("error", ignore);
    const isMute = this.#acceptor !== null && this.#isRaw(socket);
    if (isMute || this.#lingering >= MAX_LINGERING) {
      socket.destroy();
    } else {
      this.#lingering++;
      socket.once("close", () => this.#lingering--);
      closeWith(socket, encodeRefusal(0, why), LINGER_MS);
    }
    const { code: reason, message: fact } = why;
    this.#deps.onFailed(new RpcError({ code: "DT_RPC_REJECTED", reason, fact }));
  }

  #isRaw(socket: Socket): boolean {
    return !("encrypted" in socket);
  }
}

/** A TLS socket has the same as the socket below it. Null for a unix socket, which has none. */
function keyOf({ remoteAddress, remotePort }: Socket): string | null {
  return remoteAddress === undefined ? null : `${remoteAddress} ${remotePort ?? 0}`;
}

/** The peer of a refused connection has no one here to tell about its errors. */
function ignore(): void {}

function refusal(status: Status, code: ConnectionRefusalCode, message: string): Refusal {
  return { status, code, message };
}
