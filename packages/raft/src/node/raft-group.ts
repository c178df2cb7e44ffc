import { type FiberGroup, toPromise } from "@dt/fiber";
import type { ConfigRequest, MemberTarget } from "../core/config-request.ts";
import type { Configuration } from "../core/membership.ts";
import type { Message, NodeId } from "../core/message.ts";
import { RaftCore } from "../core/raft-core.ts";
import type { SessionCallId } from "../entry/session-prefix.ts";
import { type LeaderHint, RaftError } from "../errors.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { answerFetch, type EntryAnswer, type EntryRequest } from "./entry-fetch.ts";
import type { ChangeOptions } from "./group-admin.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import { type GroupParts, makeGroupParts } from "./group-parts.ts";
import { describeStatus, type GroupStatus } from "./group-status.ts";
import { GroupLoop } from "./group-loop.ts";
import { configOf } from "./snapshots/recover-state.ts";
import { openState, type OpenedState } from "./snapshots/open-state.ts";
import type {
  Freshness,
  Proposal,
  ReadWaiter,
  SessionWaiter,
  StateMachine,
} from "./state-machine.ts";
import type { TransportReceiver } from "./transport.ts";

/**
 * One member of one group: drives the pure core with what arrives, and does what it says. All state is touched
 * only by the fiber that runs `GroupLoop`; everything else hands in and gives the signal, so whatever arrives in one
 * turn of the event loop becomes one batch.
 */
export class RaftGroup<R = unknown> implements TransportReceiver {
  readonly groupId: number;
  readonly nodeId: NodeId;
  readonly stateMachine: StateMachine<R>;
  readonly #config: GroupConfig<R>;
  readonly #deps: GroupDeps;
  readonly #parts: GroupParts<R>;
  readonly #loop: GroupLoop<R>;
  readonly #fibers: FiberGroup;
  #stopping: Promise<void> | null = null;

  /**
   * Recovers the log, has the other members repair what is damaged in it, and starts taking part. Rejects with
   * the log's error when it cannot be opened, with DT_RAFT_LOG_DAMAGED when nobody has what is missing.
   */
  static async open<R>(config: GroupConfig<R>, deps: GroupDeps): Promise<RaftGroup<R>> {
    const opened = await openState(config, deps);
    try {
      return RaftGroup.#begin(config, deps, opened);
    } catch (error) {
      await release(config);
      throw error;
    }
  }

  static #begin<R>(config: GroupConfig<R>, deps: GroupDeps, opened: OpenedState): RaftGroup<R> {
    const { state, snapshot } = opened;
    const core = new RaftCore(
      {
        id: config.nodeId,
        voters: config.members.map((member) => member.nodeId),
        members: config.members,
        options: config.options,
        state,
        snapshotConfig: configOf(snapshot),
        appliedIndex: snapshot?.index ?? 0,
        seed: config.seed,
      },
      deps.clock.nowMs(),
    );
    return new RaftGroup(config, deps, core, opened);
  }

  private constructor(
    config: GroupConfig<R>,
    deps: GroupDeps,
    core: RaftCore,
    opened: OpenedState,
  ) {
    const { groupId } = config;
    this.groupId = groupId;
    this.nodeId = config.nodeId;
    this.stateMachine = config.stateMachine;
    this.#config = config;
    this.#deps = deps;
    this.#parts = makeGroupParts(config, deps, core, opened, {
      onFailed: (error) => this.#fail(error),
      onNoSpace: () => this.#loop.onNoSpace(),
    });
    this.#loop = new GroupLoop(config, deps, this.#parts);
    this.#fibers = deps.dispatcher.group(`raft-${groupId}`, {
      onError: (cause) =>
        this.#fail(new RaftError({ code: "DT_RAFT_INTERNAL", groupId }, { cause })),
    });
    deps.transport.register(groupId, this);
    deps.transport.setMembers(groupId, core.configuration.members);
    this.#fibers.start("loop", () => this.#loop.run(), { daemon: true });
    this.#fibers.start("ticker", () => this.#loop.tick(), { daemon: true });
  }

  /**
   * Proposes an entry with this payload; copies the bytes before it returns. A refusal calls `proposal.fail`
   * before it returns: DT_RAFT_NOT_LEADER, DT_RAFT_PROPOSALS_FULL, DT_RAFT_ENTRY_TOO_LARGE, DT_RAFT_NO_SPACE,
   * DT_RAFT_GROUP_STOPPED. Entries of one caller are applied in the order of the calls.
   */
  propose(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<R>,
  ): void {
    this.#parts.proposals.propose(bizType, payload, start, end, proposal);
  }

  /**
   * Opens a session for `owner`, 64 bits that stand for whoever it is. Calls in it are applied once, however often
   * they are proposed. Fails with DT_RAFT_NO_SESSIONS, and like `propose`.
   */
  openSession(owner: bigint, opening: SessionWaiter): void {
    this.#parts.proposals.openSession(owner, opening);
  }

  /**
   * Whatever `handIn` proposes before it returns, one entry at most, is the call `call` of its session: applied
   * the first time, later only answered with the first result. What it proposes later is of no session, and applied
   * as often as it is proposed. Besides what `propose` fails with: DT_RAFT_SESSION_EXPIRED, also for a secret that is
   * not the session's, and DT_RAFT_SESSION_SEQUENCE, also for a second entry.
   */
  inSession(call: SessionCallId, handIn: () => void, refused: Pick<Proposal<R>, "fail">): void {
    this.#parts.proposals.inSession(call, handIn, refused);
  }

  /**
   * True when the state machine may be read at this very moment as a linearizable read: this node leads, its
   * lease holds by the clock now, and everything committed is applied. The answer ends with the current call.
   */
  canReadNow(): boolean {
    return this.#parts.reads.canReadNow();
  }

  /**
   * Waits until a linearizable read may be served; by the lease, else by one round of heartbeats. A node that does
   * not lead refuses, or with `mayAskLeader` asks who does up to where it has to apply: observers may serve too.
   */
  read(waiter: ReadWaiter, mayAskLeader = false): void {
    this.#parts.reads.read(waiter, mayAskLeader);
  }

  /** How old what a stale read sees may be. */
  freshness(): Freshness {
    return this.#parts.reads.freshness();
  }

  /** The leader as this node knows it, or null. */
  leader(): LeaderHint | null {
    return this.#parts.standing.leader();
  }

  /** The members as this node's log has them, the newest entry counts. */
  get configuration(): Configuration {
    return this.#parts.core.configuration;
  }

  /**
   * Hands leadership to a voter, 0 = the one that has most of the log; writes wait meanwhile and are then refused
   * with where to go. Resolves with who leads. Rejects with DT_RAFT_NOT_LEADER, DT_RAFT_TRANSFER_TARGET or
   * DT_RAFT_TRANSFER_FAILED, and this node goes on leading.
   */
  transferLeadership(to: NodeId = 0): Promise<NodeId> {
    return this.#parts.admin.transfer(to);
  }

  /** One step of a change of members by hand; resolves with the configuration's index when it is committed. */
  changeConfiguration(request: ConfigRequest): Promise<number> {
    return this.#parts.admin.step(request);
  }

  /**
   * The whole way to other members: new voters follow first, vote when they have caught up, and the old ones leave.
   * Safe to repeat; rejects with DT_RAFT_NOT_LEADER when another node has to go on.
   */
  changeMembers(target: MemberTarget, options?: ChangeOptions): Promise<void> {
    return this.#parts.admin.change(target, options);
  }

  /** The error that stopped this group, or null while it runs. */
  get stopped(): RaftError | null {
    return this.#parts.standing.stopped;
  }

  status(): GroupStatus {
    const { core, applies, proposals } = this.#parts;
    return describeStatus(this.groupId, core, applies.appliedIndex, proposals.count, this.stopped);
  }

  onMessage(message: Message): void {
    this.#parts.arrivals.message(message);
    this.#parts.signal.give();
  }

  onFetch(request: EntryRequest): Promise<EntryAnswer> {
    return answerFetch(this.#config.log, this.#parts.core.lastIndex, request);
  }

  onUnreachable(peer: NodeId): void {
    this.#parts.onUnreachable(peer);
  }

  /** Refuses new work, fails what waits, finishes what is queued for the disk and releases the log. */
  close(): Promise<void> {
    this.#stop(
      new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId: this.groupId, taken: false }),
    );
    this.#stopping ??= this.#release();
    return this.#stopping;
  }

  /**
   * Takes a snapshot now, whatever the policy says; resolves when it is durable, with what it stands for. Rejects
   * with DT_RAFT_NO_SNAPSHOTS, DT_RAFT_SNAPSHOT_FAILED, DT_RAFT_GROUP_STOPPED.
   */
  takeSnapshot(): Promise<SnapshotMeta> {
    if (this.stopped !== null) {
      return Promise.reject(this.stopped);
    }
    return (
      this.#parts.snapshots?.take() ??
      Promise.reject(new RaftError({ code: "DT_RAFT_NO_SNAPSHOTS", groupId: this.groupId }))
    );
  }

  async #release(): Promise<void> {
    await toPromise(this.#fibers.shutdownFuture);
    await release(this.#config);
  }

  #fail(error: RaftError): void {
    if (this.stopped !== null) {
      return;
    }
    this.#deps.logger.error({ groupId: this.groupId, err: error }, "group stopped");
    this.#stop(error);
    this.#config.onFailed?.(error);
  }

  #stop(error: RaftError): void {
    const { standing, proposals, reads, admin, snapshots } = this.#parts;
    if (standing.stopped !== null) {
      return;
    }
    standing.stopped = error;
    this.#deps.transport.unregister(this.groupId);
    proposals.stop(error);
    reads.queue.failAll(error);
    admin.stop(error);
    snapshots?.close();
    this.#fibers.requestShutdown();
  }
}

/** Gives back what the group was to close, all of it. */
async function release<R>({ log, snapshots }: GroupConfig<R>): Promise<void> {
  try {
    await log.close();
  } finally {
    await snapshots?.close();
  }
}
