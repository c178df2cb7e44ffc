import { RpcError } from "./errors.ts";

/** The operating system's name of an error, such as ECONNREFUSED. The only place that reads it. */
function errnoOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "UNKNOWN";
}

export function connectError(address: string, error: unknown): RpcError {
  return new RpcError({ code: "DT_RPC_CONNECT", address, errno: errnoOf(error) }, { cause: error });
}

export function listenError(address: string, error: unknown): RpcError {
  return new RpcError({ code: "DT_RPC_LISTEN", address, errno: errnoOf(error) }, { cause: error });
}

/** An error of a connection. TLS reports later what the peer thinks of a certificate: as an alert. */
export function socketError(error: unknown): RpcError {
  return new RpcError({ code: "DT_RPC_SOCKET", errno: errnoOf(error) }, { cause: error });
}

/** An error before the TLS handshake was through. */
export function tlsError(address: string, error: unknown): RpcError {
  const reason = errnoOf(error);
  return new RpcError({ code: "DT_RPC_TLS", address, reason }, { cause: error });
}

/**
 * An error while connecting with TLS: of the certificates or of TLS itself, or one that any connection
 * can have.
 */
export function tlsConnectError(address: string, error: Error): RpcError {
  return isOfSystem(error) ? connectError(address, error) : tlsError(address, error);
}

/** Errors of the operating system name their system call; a reset during the handshake does not. */
function isOfSystem(error: Error): boolean {
  return "syscall" in error || errnoOf(error) === "ECONNRESET";
}

export function isAddressInUse(error: unknown): boolean {
  return errnoOf(error) === "EADDRINUSE";
}

export function isRefused(error: unknown): boolean {
  return errnoOf(error) === "ECONNREFUSED";
}
