import type { RpcError } from "@dt/rpc";
import type { Member, MemberTarget } from "../core/config-request.ts";
import type { NodeId } from "../core/message.ts";
import { RaftError } from "../errors.ts";
import type { GroupStatus } from "../gen/raft.ts";
import type { AdminReply, AdminRequest, MemberSet } from "../transport/admin-codec.ts";
import { decodeAdminReply, encodeAdminRequest } from "../transport/admin-codec.ts";
import { ADMIN_COMMAND } from "../transport/commands.ts";
import type { RaftClient } from "./raft-client.ts";

export interface AdminCallOptions {
  /** Milliseconds for the whole call. Default 60 000. */
  readonly timeoutMs?: number;
}

export interface ChangeMembersOptions extends AdminCallOptions {
  /** Make voters of nodes that have not caught up: the group may stand still until they have. Default false. */
  readonly force?: boolean;
}

export interface PreparedChange {
  readonly oldVoters: readonly NodeId[];
  readonly oldObservers: readonly NodeId[];
  readonly next: MemberTarget;
  readonly force?: boolean;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Administration of one group, by way of its leader. Every call is repeated at the next leader when it has to be,
 * and may be repeated after any error: what is done stays done. Rejects with a `RaftError`, or with an `RpcError`
 * whose `remoteCode` names why the leader refused.
 */
export class RaftAdmin {
  readonly #client: RaftClient;
  readonly #groupId: number;

  constructor(client: RaftClient, groupId: number) {
    this.#client = client;
    this.#groupId = groupId;
  }

  /** The group as its leader sees it: the members, and how far each is. */
  async status(options?: AdminCallOptions): Promise<GroupStatus> {
    const { status } = await this.#call({ ...NOTHING, look: {} }, options?.timeoutMs);
    if (status === undefined) {
      throw new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: ADMIN_COMMAND });
    }
    return status;
  }

  /** The whole way to other members; resolves when they are decided and nothing is left to do. */
  async changeMembers(target: MemberTarget, options: ChangeMembersOptions = {}): Promise<void> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const change = { target: setOf(target), force: options.force === true, timeoutMs };
    await this.#call({ ...NOTHING, change }, timeoutMs);
  }

  /** Makes the configuration joint; resolves with its index when it is committed. */
  async prepareConfigChange(change: PreparedChange, options?: AdminCallOptions): Promise<number> {
    const prepare = {
      oldVoters: [...change.oldVoters],
      oldObservers: [...change.oldObservers],
      next: setOf(change.next),
      force: change.force === true,
    };
    return (await this.#call({ ...NOTHING, prepare }, options?.timeoutMs)).index;
  }

  /** Ends the joint configuration of that index in favour of the new members. */
  async commitConfigChange(prepareIndex: number, options?: AdminCallOptions): Promise<number> {
    const commit = { prepareIndex };
    return (await this.#call({ ...NOTHING, commit }, options?.timeoutMs)).index;
  }

  /** Ends the joint configuration of that index in favour of the old members. */
  async abortConfigChange(prepareIndex: number, options?: AdminCallOptions): Promise<number> {
    const abort = { prepareIndex };
    return (await this.#call({ ...NOTHING, abort }, options?.timeoutMs)).index;
  }

  /** Makes a voter the leader, 0 = the one that has most of the log; resolves with who leads. */
  async transferLeadership(to: NodeId = 0, options?: AdminCallOptions): Promise<NodeId> {
    return (await this.#call({ ...NOTHING, transfer: { to } }, options?.timeoutMs)).leaderId;
  }

  #call(request: AdminRequest, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<AdminReply> {
    return this.#client.call(
      ADMIN_COMMAND,
      this.#groupId,
      encodeAdminRequest,
      request,
      decodeAdminReply,
      { timeoutMs, idempotent: true, toError: asItIs },
    );
  }
}

const NOTHING: AdminRequest = {
  change: undefined,
  prepare: undefined,
  commit: undefined,
  abort: undefined,
  transfer: undefined,
  look: undefined,
};

function asItIs(error: RpcError): Error {
  return error;
}

function setOf({ voters, observers }: MemberTarget): MemberSet {
  return { voters: voters.map(addressOf), observers: observers.map(addressOf) };
}

function addressOf({ nodeId, host, port }: Member): { nodeId: number; host: string; port: number } {
  return { nodeId, host, port };
}
