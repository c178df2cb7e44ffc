import { Status } from "@dt/rpc";
import type { RpcError } from "@dt/rpc";
import type { RaftFault } from "../errors.ts";

/** The group has stopped on that node, and goes on without it. */
const GONE_CODES: ReadonlySet<string> = new Set<RaftFault["code"]>([
  "DT_RAFT_LEADERSHIP_LOST",
  "DT_RAFT_GROUP_STOPPED",
  "DT_RAFT_LOG_FAILED",
]);

/** Refusals of a group that has not looked at what is asked. */
const UNSEEN_CODES: ReadonlySet<string> = new Set<RaftFault["code"]>([
  "DT_RAFT_PROPOSALS_FULL",
  "DT_RAFT_READS_FULL",
  "DT_RAFT_ENTRY_TOO_LARGE",
  "DT_RAFT_NO_SPACE",
  "DT_RAFT_NO_SESSIONS",
  "DT_RAFT_SESSION_EXPIRED",
  "DT_RAFT_SESSION_SEQUENCE",
]);

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
      return error.remoteCode !== null && GONE_CODES.has(error.remoteCode);
  }
}

/**
 * Failures of one attempt that tell nothing about an earlier one: it failed on this side, or was refused before
 * anybody looked at what is asked. Everything else is an answer.
 */
export function isUnseen({ status, remoteCode }: RpcError): boolean {
  return (
    status === null ||
    status === Status.flowControl ||
    (remoteCode !== null && (remoteCode.startsWith("DT_RPC_") || UNSEEN_CODES.has(remoteCode)))
  );
}
