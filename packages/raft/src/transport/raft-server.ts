import { randomBytes, randomInt } from "node:crypto";
import { Dispatcher, NodeClock } from "@dt/fiber";
import type { Clock } from "@dt/fiber";
import { DEFAULTS, RpcServer } from "@dt/rpc";
import type { ClientTls, CommandTable, ServerTls } from "@dt/rpc";
import type { NodeId } from "../core/message.ts";
import { RaftError } from "../errors.ts";
import { resolveGroupOptions } from "../node/group-options.ts";
import type { ResolvedGroupOptions } from "../node/group-options.ts";
import { SILENT_LOGGER } from "../node/logger.ts";
import type { RaftLog } from "../log/raft-log.ts";
import { isHopeless } from "../node/log-repair.ts";
import type { Logger } from "../node/logger.ts";
import { RaftGroup } from "../node/raft-group.ts";
import type { Member } from "../node/group-config.ts";
import { SnapshotSlots } from "../node/snapshots/snapshot-slots.ts";
import { failRequest } from "./request-failure.ts";
import { SNAPSHOT_COMMAND, STATUS_COMMAND } from "./commands.ts";
import { addAdminCommands } from "./admin-commands.ts";
import { checkMembers, MEMBER_ROLE, refusePeer } from "./membership-check.ts";
import { addSessionCommands } from "./session-commands.ts";
import { checkGroup, checkSnapshotLimits } from "./server-check.ts";
import type { RaftServerConfig, RaftServerDeps, ServedGroup } from "./server-config.ts";
import { storeCapabilities } from "./store-check.ts";
import { RpcTransport } from "./rpc-transport.ts";
import { encodeSnapshotTaken, encodeStatusReply, toStatusReply } from "./status-codec.ts";

/** A member notices within this time that another one is gone, and finds it again. */
const MEMBER_LINK = {
  connectTimeoutMs: 1000,
  reconnectMinMs: 50,
  reconnectMaxMs: 500,
  pingIntervalMs: 1000,
  peerTimeoutMs: 4000,
  maxSendBufferBytes: 64 << 20,
  maxReplyBacklogBytes: 64 << 20,
} as const;

/**
 * One process of a cluster: a listening port, a connection to every other member, and any number of groups that
 * share both. Add the groups, then `listen`.
 */
export class RaftServer {
  readonly nodeId: NodeId;
  readonly rpc: RpcServer;
  readonly transport: RpcTransport;
  readonly #config: RaftServerConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dispatcher: Dispatcher;
  readonly #groups = new Map<number, RaftGroup<never>>();
  /** Groups that are being opened. */
  readonly #openings = new Map<number, Promise<unknown>>();
  /** Of groups that could not start: what is good in them is there for the other members. */
  readonly #damagedLogs: RaftLog[] = [];
  readonly #startedAtMs: number;
  readonly #snapshotSlots: SnapshotSlots;
  readonly #closed = new AbortController();
  #listening: Promise<number> | null = null;
  #closing: Promise<void> | null = null;

  /** Throws DT_RAFT_OPTIONS with everything that is wrong with the members. */
  constructor(config: RaftServerConfig, deps: RaftServerDeps = {}) {
    checkMembers(config.nodeId, config.members);
    checkSnapshotLimits(config);
    this.nodeId = config.nodeId;
    this.#config = config;
    this.#clock = deps.clock ?? new NodeClock();
    this.#logger = deps.logger ?? SILENT_LOGGER;
    this.#startedAtMs = this.#clock.nowMs();
    this.#snapshotSlots = new SnapshotSlots(config.maxSnapshotSends, config.maxSnapshotReceives);
    this.#dispatcher = new Dispatcher({ clock: this.#clock });
    const { clusterId, nodeId, members } = config;
    const processId = randomBytes(16).toString("hex");
    const { isMember, stores } = config;
    const own = { clusterId, nodeId, processId, isMember, stores };
    const capabilities = storeCapabilities(stores);
    const placed = members.find((member) => member.nodeId === nodeId);
    const address = config.advertise ?? placed ?? config.listen ?? { host: "", port: 0 };
    this.rpc = new RpcServer(
      {
        ...config.rpcServer,
        identity: { clusterId, nodeId, processId, role: MEMBER_ROLE, capabilities },
      },
      { onHandshake: (peer) => refusePeer(own, peer), logger: this.#logger },
    );
    this.transport = new RpcTransport(
      {
        ...own,
        address: { host: address.host, port: address.port },
        rpc: { ...MEMBER_LINK, ...config.rpcClient },
      },
      this.rpc,
      this.#logger,
    );
    this.rpc.commands.on(STATUS_COMMAND, (request) =>
      request.reply(encodeStatusReply, this.#status()),
    );
  }

  /**
   * Recovers the group's log and takes part in the group. Rejects with the log's error, with DT_RAFT_GROUP_STOPPED
   * when the server closes meanwhile, or with DT_RAFT_OPTIONS when its options are wrong or its id is taken.
   */
  async addGroup<R>(served: ServedGroup<R>): Promise<RaftGroup<R>> {
    const { groupId } = served;
    const options = resolveGroupOptions(served.options);
    const isTaken = this.#groups.has(groupId) || this.#openings.has(groupId);
    const { maxFrameBytes = DEFAULTS.maxFrameBytes } = this.#config.rpcServer ?? {};
    checkGroup(groupId, options, isTaken, maxFrameBytes);
    this.#assertOpen(groupId);
    const adding = this.#add(served, options);
    this.#openings.set(groupId, adding);
    try {
      return await adding;
    } finally {
      this.#openings.delete(groupId);
    }
  }

  async #add<R>(served: ServedGroup<R>, options: ResolvedGroupOptions): Promise<RaftGroup<R>> {
    const group = await this.#open(served, options).catch((error: unknown) => {
      if (isHopeless(error)) {
        this.#damagedLogs.push(served.log);
      }
      throw error;
    });
    if (this.#closing !== null) {
      await group.close();
    }
    this.#assertOpen(group.groupId);
    this.#take(group);
    return group;
  }

  #open<R>(served: ServedGroup<R>, options: ResolvedGroupOptions): Promise<RaftGroup<R>> {
    const { groupId, stateMachine, log } = served;
    return RaftGroup.open<R>(
      {
        groupId,
        nodeId: this.nodeId,
        members: this.#config.members,
        stateMachine,
        log,
        snapshots: served.snapshots,
        options,
        seed: randomInt(1, 2 ** 31),
        onFailed: served.onFailed,
      },
      {
        dispatcher: this.#dispatcher,
        clock: this.#clock,
        transport: this.transport,
        logger: this.#logger,
        drawSecret: () => randomBytes(8).readBigUInt64BE(),
        snapshotSlots: this.#snapshotSlots,
        closing: this.#closed.signal,
        // Members with other damage may need what this one has.
        onRepair: async () => void (await this.listen()),
      },
    );
  }

  #take<R>(group: RaftGroup<R>): void {
    const { groupId } = group;
    this.#groups.set(groupId, group as RaftGroup<never>);
    addSessionCommands(this.commands(groupId), group);
    this.commands(groupId).on(SNAPSHOT_COMMAND, (request) => {
      group.takeSnapshot().then(
        (meta) => request.reply(encodeSnapshotTaken, meta),
        (error: unknown) => failRequest(request, asRaftError(error, groupId)),
      );
    });
    addAdminCommands(this.commands(groupId), group as RaftGroup<never>);
  }

  #assertOpen(groupId: number): void {
    if (this.#closing !== null) {
      throw new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false });
    }
  }

  /** The commands of a group; add those that its clients may call, 256 and above or those of a package. */
  commands(groupId: number): CommandTable {
    return this.transport.commands(groupId);
  }

  /** The voters that new groups start with. */
  get members(): readonly Member[] {
    return this.#config.members;
  }

  /** The groups of this process. */
  groups(): RaftGroup<never>[] {
    return [...this.#groups.values()];
  }

  /** Starts to accept connections; resolves with the port. Idempotent. */
  listen(): Promise<number> {
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  async #listen(): Promise<number> {
    const own = this.#config.members.find((member) => member.nodeId === this.nodeId);
    const { host, port } = this.#config.listen ?? own ?? { host: "127.0.0.1", port: 0 };
    const address = await this.rpc.listen({ host, port });
    return "port" in address ? address.port : port;
  }

  /**
   * New connections in either direction get these keys and certificates; those there are keep theirs. Throws
   * DT_RPC_OPTIONS, and then nothing has changed for what it names.
   */
  reloadTls(server: ServerTls, client: ClientTls): void {
    this.rpc.reloadTls(server);
    this.transport.reloadTls(client);
  }

  /**
   * Gives up the leadership of every group that this node leads, as far as somebody can take it over within an
   * election timeout: so that its end makes nobody wait. Never rejects.
   */
  async handOver(): Promise<void> {
    await Promise.all(
      [...this.#groups.values()].map(async (group) => {
        if (group.status().role !== "leader" || group.stopped !== null) {
          return;
        }
        try {
          await group.transferLeadership();
        } catch (error) {
          this.#logger.info({ groupId: group.groupId, err: error }, "nobody took over");
        }
      }),
    );
  }

  /**
   * Refuses new requests, ends the groups one after the other, answers what waits and closes every connection.
   * Idempotent. What fails to close keeps nothing else open, and makes it reject at the end.
   */
  close(drainMs: number = 1000): Promise<void> {
    this.#closed.abort();
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    const failures: unknown[] = [];
    const keep = (error: unknown): void => void failures.push(error);
    // Their log's lock is released with them; who adds them hears of it.
    await Promise.allSettled(this.#openings.values());
    for (const part of [...this.#groups.values(), ...this.#damagedLogs]) {
      await part.close().catch(keep);
    }
    await this.transport.close().catch(keep);
    await this.rpc.close({ drainMs }).catch(keep);
    await this.#dispatcher.close().catch(keep);
    if (failures.length > 0) {
      throw failures.length === 1 ? failures[0] : new AggregateError(failures);
    }
  }

  #status() {
    const groups = [...this.#groups.values()].map((group) => ({
      status: group.status(),
      leader: group.leader(),
    }));
    return toStatusReply(
      this.nodeId,
      this.#config.clusterId,
      this.#clock.nowMs() - this.#startedAtMs,
      groups,
    );
  }
}

function asRaftError(error: unknown, groupId: number): RaftError {
  return error instanceof RaftError
    ? error
    : new RaftError({ code: "DT_RAFT_INTERNAL", groupId }, { cause: error });
}
