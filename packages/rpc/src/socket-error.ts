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

export function socketError(error: unknown): RpcError {
  return new RpcError({ code: "DT_RPC_SOCKET", errno: errnoOf(error) }, { cause: error });
}
