import { Status } from "@dt/rpc";
import type { IncomingRequest } from "@dt/rpc";
import type { RaftError } from "../errors.ts";
import { encodeLeaderHint } from "./status-codec.ts";

/**
 * Answers a request with a raft error: the status that tells a client what to do, the code, and for NOT_LEADER
 * the address of the leader as detail.
 */
export function failRequest(request: IncomingRequest, error: RaftError): void {
  const { fault } = error;
  if (fault.code === "DT_RAFT_NOT_LEADER" && fault.leader !== null) {
    request.failWith(Status.notLeader, error.code, error.message, encodeLeaderHint, fault.leader);
    return;
  }
  request.fail(statusOf(error), error.code, error.message);
}

/** `internal` stands for an outcome that is not known: a client must not repeat a write after it. */
export function statusOf(error: RaftError): Status {
  if (error.mayHaveExecuted) {
    return Status.internal;
  }
  switch (error.code) {
    case "DT_RAFT_NOT_LEADER":
      return Status.notLeader;
    case "DT_RAFT_PROPOSALS_FULL":
    case "DT_RAFT_READS_FULL":
      return Status.flowControl;
    case "DT_RAFT_NOT_READY":
      return Status.notReady;
    case "DT_RAFT_NO_SPACE":
    case "DT_RAFT_NO_SNAPSHOTS":
    case "DT_RAFT_NO_SESSIONS":
    case "DT_RAFT_SESSION_EXPIRED":
    case "DT_RAFT_SESSION_SEQUENCE":
    case "DT_RAFT_CHANGE_PENDING":
    case "DT_RAFT_TRANSFERRING":
    case "DT_RAFT_TRANSFER_FAILED":
    case "DT_RAFT_MEMBERS_BEHIND":
    case "DT_RAFT_CANNOT_CAMPAIGN":
      return Status.denied;
    case "DT_RAFT_TRANSFER_TARGET":
    case "DT_RAFT_OLD_MEMBERS":
    case "DT_RAFT_MEMBERS_INVALID":
    case "DT_RAFT_PREPARE_INDEX":
      return Status.invalid;
    case "DT_RAFT_ENTRY_TOO_LARGE":
      return Status.tooLarge;
    case "DT_RAFT_GROUP_STOPPED":
    case "DT_RAFT_LOG_FAILED":
    case "DT_RAFT_APPLY_FAILED":
      return Status.groupStopped;
    default:
      return Status.internal;
  }
}
