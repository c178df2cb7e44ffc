import type { AdminRefusal } from "../core/config-request.ts";
import { type LeaderHint, RaftError } from "../errors.ts";

/** What an administrator gets for a refusal of the core. Nothing was appended. */
export function refusalError(refusal: AdminRefusal, leader: LeaderHint | null): RaftError {
  switch (refusal.reason) {
    case "notLeader":
      return new RaftError({ code: "DT_RAFT_NOT_LEADER", leader });
    case "notReady":
    case "notCommitted":
      return new RaftError({ code: "DT_RAFT_NOT_READY" });
    case "pending":
      return new RaftError({ code: "DT_RAFT_CHANGE_PENDING", index: refusal.index });
    case "transferring":
      return new RaftError({ code: "DT_RAFT_TRANSFERRING", to: refusal.to });
    case "oldMembers":
      return new RaftError({
        code: "DT_RAFT_OLD_MEMBERS",
        voters: refusal.voters,
        observers: refusal.observers,
      });
    case "invalid":
      return new RaftError({ code: "DT_RAFT_MEMBERS_INVALID", problems: refusal.problems });
    case "behind":
      return new RaftError({ code: "DT_RAFT_MEMBERS_BEHIND", ids: refusal.ids });
    case "prepareIndex":
      return new RaftError({ code: "DT_RAFT_PREPARE_INDEX", active: refusal.active });
    case "target":
      return new RaftError({ code: "DT_RAFT_TRANSFER_TARGET", to: refusal.to });
    case "cannotCampaign":
      return new RaftError({ code: "DT_RAFT_CANNOT_CAMPAIGN" });
  }
}
