import { createServer } from "node:tls";
import { RpcError } from "../errors.ts";
import { tlsError } from "../socket-error.ts";
import { contextOptions, serverContext } from "./tls-options.ts";
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { ServerTls } from "./tls-options.ts";

export interface TlsAcceptorEvents {
  /** The TLS handshake is through. `distrust` says why the client's certificate counts for nothing. */
  onSecure(socket: TLSSocket, distrust: string | null): void;
  /** The socket is destroyed. */
  onFailed(error: RpcError): void;
}

/** Puts TLS on accepted sockets. The keys may be changed for those to come. */
export class TlsAcceptor {
  readonly #tls: Server;
  #clientCertificate: NonNullable<ServerTls["clientCertificate"]>;

  /** The options have been checked. A TLS handshake has `handshakeTimeoutMs`. */
  constructor(options: ServerTls, handshakeTimeoutMs: number, events: TlsAcceptorEvents) {
    this.#clientCertificate = options.clientCertificate ?? "ignore";
    this.#tls = createServer({
      ...contextOptions(options),
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: this.#clientCertificate !== "ignore",
      // A client whose certificate is refused shall read why, which TLS itself would not tell.
      rejectUnauthorized: false,
    });
    this.#tls.on("secureConnection", (socket) => {
      const isRequired = this.#clientCertificate === "required";
      const distrust = isRequired && !isTrusted(socket) ? distrustOf(socket) : null;
      events.onSecure(socket, distrust);
    });
    this.#tls.on("tlsClientError", (error, socket) => {
      const address = socket.remoteAddress ?? "a client";
      socket.destroy();
      events.onFailed(tlsError(address, error));
    });
  }

  /** Either `onSecure` or `onFailed` follows. */
  accept(socket: Socket): void {
    this.#tls.emit("connection", socket);
  }

  /**
   * New connections get these keys and certificates; those there are keep theirs. Throws
   * DT_RPC_OPTIONS, and then all stays as it was.
   */
  reload(options: ServerTls): void {
    const problems: string[] = [];
    serverContext(options, problems);
    const asks = (options.clientCertificate ?? "ignore") !== "ignore";
    if (asks !== (this.#clientCertificate !== "ignore")) {
      problems.push("tls.clientCertificate: to start or stop asking takes a new server");
    }
    if (problems.length > 0) {
      throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
    }
    this.#tls.setSecureContext(contextOptions(options));
    this.#clientCertificate = options.clientCertificate ?? "ignore";
  }
}

/**
 * Some supported versions of Node call a resumed session of TLS 1.3 authorized in which no certificate was
 * ever shown.
 */
function isTrusted(socket: TLSSocket): boolean {
  return socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

function distrustOf(socket: TLSSocket): string {
  // Typed as an Error, which it is not on the server's side.
  const reason: unknown = socket.authorizationError;
  return typeof reason === "string" ? reason : "no trusted certificate";
}
