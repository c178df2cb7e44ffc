import { Status } from "@dt/rpc";
import type { CommandTable, IncomingRequest } from "@dt/rpc";
import { RaftError } from "../errors.ts";
import type { RaftGroup } from "../node/raft-group.ts";
import type { AdminReply, AdminRequest, MemberSet } from "./admin-codec.ts";
import { decodeAdminRequest, encodeAdminReply } from "./admin-codec.ts";
import { ADMIN_COMMAND } from "./commands.ts";
import { failRequest } from "./request-failure.ts";
import { toGroupStatus } from "./status-codec.ts";

const NOTHING: AdminReply = { index: 0, leaderId: 0, status: undefined };
const NOBODY: MemberSet = { voters: [], observers: [] };

/** Adds what administrators may ask of a group to its table. */
export function addAdminCommands(table: CommandTable, group: RaftGroup<never>): void {
  table.on(ADMIN_COMMAND, (request, body, start, end) => {
    let asked: AdminRequest;
    try {
      asked = decodeAdminRequest(body, start, end);
    } catch (error) {
      request.fail(Status.invalid, "DT_RAFT_REQUEST_MALFORMED", String(error));
      return;
    }
    const work = begin(group, asked);
    if (work === null) {
      request.fail(
        Status.invalid,
        "DT_RAFT_REQUEST_MALFORMED",
        "it asks for nothing that is known",
      );
      return;
    }
    work.then(
      (reply) => request.reply(encodeAdminReply, reply),
      (error: unknown) => fail(request, error),
    );
  });
}

function begin(group: RaftGroup<never>, asked: AdminRequest): Promise<AdminReply> | null {
  const { change, prepare, commit, abort, transfer, look } = asked;
  if (change !== undefined) {
    const { force, timeoutMs } = change;
    const options = timeoutMs === 0 ? { force } : { force, timeoutMs };
    return group.changeMembers(change.target ?? NOBODY, options).then(() => NOTHING);
  }
  if (prepare !== undefined) {
    const { voters, observers } = prepare.next ?? NOBODY;
    const step = group.changeConfiguration({
      action: "prepare",
      old: { voters: prepare.oldVoters, observers: prepare.oldObservers },
      next: { voters: voters.map(idOf), observers: observers.map(idOf) },
      members: [...voters, ...observers],
      leavesByItself: false,
      isForced: prepare.force,
    });
    return step.then((index) => ({ ...NOTHING, index }));
  }
  if (commit !== undefined) {
    const step = group.changeConfiguration({ action: "commit", ...commit });
    return step.then((index) => ({ ...NOTHING, index }));
  }
  if (abort !== undefined) {
    const step = group.changeConfiguration({ action: "abort", ...abort });
    return step.then((index) => ({ ...NOTHING, index }));
  }
  if (transfer !== undefined) {
    return group.transferLeadership(transfer.to).then((leaderId) => ({ ...NOTHING, leaderId }));
  }
  if (look !== undefined) {
    const status = group.status();
    return status.role === "leader"
      ? Promise.resolve({ ...NOTHING, status: toGroupStatus(status, group.leader()) })
      : Promise.reject(new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: group.leader() }));
  }
  return null;
}

function idOf({ nodeId }: { readonly nodeId: number }): number {
  return nodeId;
}

function fail(request: IncomingRequest, error: unknown): void {
  if (error instanceof RaftError) {
    failRequest(request, error);
  } else {
    request.fail(Status.internal, "DT_RAFT_INTERNAL", String(error));
  }
}
