import { Status } from "@dt/rpc";
import type { RpcError } from "@dt/rpc";

/** Failures that say something about the node or the connection, not about the request. */
export function isWorthAnotherNode(error: RpcError): boolean {
  switch (error.code) {
    case "DT_RPC_CONNECTION_LOST":
    case "DT_RPC_CLOSED":
    case "DT_RPC_STOPPING":
    case "DT_RPC_NOT_CONNECTED":
    case "DT_RPC_CONNECT":
    case "DT_RPC_CONNECT_TIMEOUT":
    case "DT_RPC_SOCKET":
    case "DT_RPC_HANDSHAKE_TIMEOUT":
    case "DT_RPC_PEER_SILENT":
    case "DT_RPC_SLOW_PEER":
      return true;
    case "DT_RPC_REMOTE":
      return isNodeStatus(error);
    default:
      return false;
  }
}

function isNodeStatus(error: RpcError): boolean {
  switch (error.status) {
    case Status.notReady:
    case Status.stopping:
    case Status.groupNotFound:
    case Status.groupStopped:
      return true;
    default:
      return error.remoteCode === "DT_RAFT_LEADERSHIP_LOST";
  }
}
