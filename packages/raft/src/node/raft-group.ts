import type { FiberGen, FiberGroup } from "@dt/fiber";
import { FiberCondition, sleep, toPromise } from "@dt/fiber";
import { InputKind } from "../core/input.ts";
import type { Input, IoId } from "../core/input.ts";
import type { Message, NodeId } from "../core/message.ts";
import { Role } from "../core/output.ts";
import type { Output, SnapshotWork } from "../core/output.ts";
import { RaftCore } from "../core/raft-core.ts";
import { EntryType } from "../entry/record.ts";
import {
  encodeSessionOpening,
  SESSION_OPENING_BYTES,
  SESSION_PREFIX_BYTES,
  writeSessionPrefix,
} from "../entry/session-prefix.ts";
import type { SessionCallId } from "../entry/session-prefix.ts";
import { RaftError } from "../errors.ts";
import type { LeaderHint } from "../errors.ts";
import type { ConfigRequest, MemberTarget } from "../core/config-request.ts";
import type { Configuration } from "../core/membership.ts";
import { type ChangeOptions, GroupAdmin } from "./group-admin.ts";
import { ApplyStage } from "./apply-stage.ts";
import { Arrivals } from "./arrivals.ts";
import { answerFetch, type EntryAnswer, type EntryRequest } from "./entry-fetch.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import { describeStatus } from "./group-status.ts";
import type { GroupStatus } from "./group-status.ts";
import { OutputCarrier } from "./output-carrier.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import { ReadQueue } from "./read-queue.ts";
import { SessionStage } from "./sessions/session-stage.ts";
import { configOf } from "./snapshots/recover-state.ts";
import { openState, type OpenedState } from "./snapshots/open-state.ts";
import { SnapshotSlots } from "./snapshots/snapshot-slots.ts";
import { SnapshotStage } from "./snapshots/snapshot-stage.ts";
import type {
  Freshness,
  KeptResults,
  Proposal,
  ReadWaiter,
  SessionWaiter,
  StateMachine,
} from "./state-machine.ts";
import type { TransportReceiver } from "./transport.ts";
import { WriteStage } from "./write-stage.ts";

/**
 * Batches, and the slabs they are built in, are at most this large: small slabs come back from the allocator while
 * they are still in the cache, which is what copying a payload costs most.
 */
const MAX_BATCH_BYTES = 256 << 10;

/**
 * One member of one group: drives the pure core with what arrives, and does what it says. All state is touched
 * only by the fiber that runs `#turn`; everything else hands in and wakes it, so whatever arrives in one turn of
 * the event loop becomes one batch.
 */
export class RaftGroup<R = unknown> implements TransportReceiver {
  readonly groupId: number;
  readonly nodeId: NodeId;
  readonly stateMachine: StateMachine<R>;
  readonly #config: GroupConfig<R>;
  readonly #deps: GroupDeps;
  readonly #core: RaftCore;
  readonly #fibers: FiberGroup;
  readonly #wake: FiberCondition;
  readonly #proposals: ProposalQueue<R>;
  readonly #reads = new ReadQueue();
  readonly #writes: WriteStage;
  readonly #applies: ApplyStage<R>;
  /** Null for a group that takes no snapshots. */
  readonly #snapshots: SnapshotStage | null;
  #isTickDue = false;
  /** Null when the state machine keeps no results. */
  readonly #sessions: SessionStage<R> | null;
  /** The session whose call is being handed in right now; null = none. */
  #calling: SessionCallId | null = null;
  #hasWork = true;
  readonly #arrivals = new Arrivals();
  readonly #carrier: OutputCarrier;
  #notLeader: RaftError;
  /** Set when the group stops or has failed; every later call gets it. */
  #stopped: RaftError | null = null;
  #stopping: Promise<void> | null = null;
  #nextRetryMs = 0;
  readonly #admin: GroupAdmin;
  /** Writes wait for a successor to be known until then, see `#loseLeadership`; 0 = they do not. */
  #heldUntilMs = 0;

  /**
   * Recovers the log, has the other members repair what is damaged in it, and starts taking part. Rejects with
   * the log's error when it cannot be opened, with DT_RAFT_LOG_DAMAGED when nobody has what is missing.
   */
  static async open<R>(config: GroupConfig<R>, deps: GroupDeps): Promise<RaftGroup<R>> {
    const opened = await openState(config, deps);
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
    this.groupId = config.groupId;
    this.nodeId = config.nodeId;
    this.stateMachine = config.stateMachine;
    this.#config = config;
    this.#deps = deps;
    this.#core = core;
    this.#sessions = keepsResults(config.stateMachine)
      ? new SessionStage(opened.sessions, config.stateMachine, config.groupId)
      : null;
    this.#notLeader = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: null });
    this.#proposals = new ProposalQueue(Math.min(config.options.maxAppendBytes, MAX_BATCH_BYTES));
    this.#writes = new WriteStage(config.log, {
      onPersisted: (io) => this.#onPersisted(io),
      onNoSpace: (error) => this.#onNoSpace(error),
      onSpaceReturned: () => deps.logger.info({ groupId: this.groupId }, "disk has space again"),
      onFailed: (error) =>
        this.#fail(
          new RaftError({ code: "DT_RAFT_LOG_FAILED", groupId: this.groupId }, { cause: error }),
        ),
    });
    const onApplyFailed = (index: number, cause: Error): void =>
      this.#fail(
        new RaftError({ code: "DT_RAFT_APPLY_FAILED", groupId: this.groupId, index }, { cause }),
      );
    this.#applies = new ApplyStage(
      core,
      config.log,
      config.stateMachine,
      this.#proposals,
      { onFetched: () => this.#wakeUp(), onFailed: onApplyFailed },
      opened.snapshot ?? undefined,
      this.#sessions,
    );
    this.#snapshots = this.#makeSnapshotStage(opened);
    this.#carrier = new OutputCarrier({
      groupId: this.groupId,
      log: config.log,
      writes: this.#writes,
      reads: this.#reads,
      transport: deps.transport,
      logger: deps.logger,
      onInput: (input) => this.#onInput(input),
      onUnreachable: (peer) => this.onUnreachable(peer),
      onDamaged: (error) =>
        this.#fail(
          new RaftError({ code: "DT_RAFT_LOG_FAILED", groupId: this.groupId }, { cause: error }),
        ),
    });
    this.#admin = new GroupAdmin({
      core,
      nowMs: () => deps.clock.nowMs(),
      onInput: (input) => this.#onInput(input),
      leader: () => this.leader(),
      electionTimeoutMaxMs: config.options.electionTimeoutMaxMs,
    });
    this.#fibers = deps.dispatcher.group(`raft-${this.groupId}`, {
      onError: (error) =>
        this.#fail(
          new RaftError({ code: "DT_RAFT_INTERNAL", groupId: this.groupId }, { cause: error }),
        ),
    });
    this.#wake = new FiberCondition(`raft-${this.groupId}`);
    deps.transport.register(this.groupId, this);
    deps.transport.setMembers(this.groupId, core.configuration.members);
    this.#fibers.start("loop", () => this.#loop(), { daemon: true });
    this.#fibers.start("ticker", () => this.#ticker(), { daemon: true });
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
    const refusal = this.#refuseProposal(end - start);
    if (refusal !== null) {
      proposal.fail(refusal);
      return;
    }
    if (this.#calling === null) {
      this.#proposals.add(bizType, payload, start, end, proposal);
    } else {
      this.#addToSession(this.#calling, bizType, payload.subarray(start, end), proposal);
    }
    this.#wakeUp();
  }

  /**
   * Opens a session for `owner`, 64 bits that stand for whoever it is. Calls in it are applied once, however often
   * they are proposed. Fails with DT_RAFT_NO_SESSIONS, and like `propose`.
   */
  openSession(owner: bigint, opening: SessionWaiter): void {
    const refusal =
      this.#sessions === null ? this.#noSessions() : this.#refuseProposal(SESSION_OPENING_BYTES);
    if (refusal !== null) {
      opening.fail(refusal);
      return;
    }
    const secret = this.#deps.drawSecret();
    const entry = encodeSessionOpening({ secret, owner });
    const proposal: Proposal<R> = {
      succeed: (_result, index) => opening.succeed({ session: index, secret }),
      fail: (error) => opening.fail(error),
    };
    this.#proposals.add(0, entry, 0, entry.length, proposal, EntryType.session);
    this.#wakeUp();
  }

  /**
   * Whatever `handIn` proposes before it returns, one entry at most, is the call `call` of its session: applied
   * the first time, later only answered with the first result. Besides what `propose` fails with:
   * DT_RAFT_SESSION_EXPIRED, also for a secret that is not the session's, and DT_RAFT_SESSION_SEQUENCE.
   */
  inSession(call: SessionCallId, handIn: () => void, refused: Pick<Proposal<R>, "fail">): void {
    if (this.#sessions === null) {
      refused.fail(this.#noSessions());
      return;
    }
    const { groupId } = this;
    const isLeader = this.#core.role === Role.leader;
    if (isLeader && this.#sessions.isForgotten(call, this.#applies.appliedIndex)) {
      const { session } = call;
      refused.fail(new RaftError({ code: "DT_RAFT_SESSION_EXPIRED", groupId, session }));
      return;
    }
    this.#calling = call;
    try {
      handIn();
    } finally {
      this.#calling = null;
    }
  }

  #noSessions(): RaftError {
    return new RaftError({ code: "DT_RAFT_NO_SESSIONS", groupId: this.groupId });
  }

  #addToSession(
    call: SessionCallId,
    bizType: number,
    payload: Buffer,
    proposal: Proposal<R>,
  ): void {
    const entry = Buffer.allocUnsafe(SESSION_PREFIX_BYTES + payload.length);
    writeSessionPrefix(entry, 0, call);
    payload.copy(entry, SESSION_PREFIX_BYTES);
    this.#proposals.add(bizType, entry, 0, entry.length, proposal, EntryType.session);
  }

  /**
   * True when the state machine may be read at this very moment as a linearizable read: this node leads, its
   * lease holds by the clock now, and everything committed is applied. The answer ends with the current call.
   */
  canReadNow(): boolean {
    const core = this.#core;
    return (
      core.isReadable &&
      this.#stopped === null &&
      this.#applies.appliedIndex >= core.commitIndex &&
      this.#deps.clock.nowMs() < core.leaseUntilMs()
    );
  }

  /**
   * Waits until a linearizable read may be served; by the lease, else by one round of heartbeats. A node that does
   * not lead refuses, or with `mayAskLeader` asks who does up to where it has to apply: observers may serve too.
   */
  read(waiter: ReadWaiter, mayAskLeader = false): void {
    const { role, leaderId } = this.#core;
    if (this.#stopped !== null) {
      waiter.fail(this.#stopped);
    } else if (role !== Role.leader && (!mayAskLeader || leaderId === 0)) {
      waiter.fail(this.#notLeader);
    } else if (this.#reads.count >= this.#config.options.maxPendingReads) {
      waiter.fail(new RaftError({ code: "DT_RAFT_READS_FULL", pending: this.#reads.count }));
    } else {
      this.#reads.add(waiter);
      this.#wakeUp();
    }
  }

  /** How old what a stale read sees may be. */
  freshness(): Freshness {
    const nowMs = this.#deps.clock.nowMs();
    const freshMs = this.#core.freshMs(nowMs);
    return {
      appliedIndex: this.#applies.appliedIndex,
      ageMs: freshMs < 0 ? Infinity : Math.max(0, nowMs - freshMs),
    };
  }

  /** The leader as this node knows it, or null. */
  leader(): LeaderHint | null {
    const { leaderId, configuration } = this.#core;
    return configuration.members.find((member) => member.nodeId === leaderId) ?? null;
  }

  /** The members as this node's log has them, the newest entry counts. */
  get configuration(): Configuration {
    return this.#core.configuration;
  }

  /**
   * Hands leadership to a voter, 0 = the one that has most of the log; writes wait meanwhile and are then refused
   * with where to go. Resolves with who leads. Rejects with DT_RAFT_NOT_LEADER, DT_RAFT_TRANSFER_TARGET or
   * DT_RAFT_TRANSFER_FAILED, and this node goes on leading.
   */
  transferLeadership(to: NodeId = 0): Promise<NodeId> {
    return this.#admin.transfer(to);
  }

  /** One step of a change of members by hand; resolves with the configuration's index when it is committed. */
  changeConfiguration(request: ConfigRequest): Promise<number> {
    return this.#admin.step(request);
  }

  /**
   * The whole way to other members: new voters follow first, vote when they have caught up, and the old ones leave.
   * Safe to repeat; rejects with DT_RAFT_NOT_LEADER when another node has to go on.
   */
  changeMembers(target: MemberTarget, options?: ChangeOptions): Promise<void> {
    return this.#admin.change(target, options);
  }

  /** The error that stopped this group, or null while it runs. */
  get stopped(): RaftError | null {
    return this.#stopped;
  }

  status(): GroupStatus {
    return describeStatus(
      this.groupId,
      this.#core,
      this.#applies.appliedIndex,
      this.#proposals.count,
      this.#stopped,
    );
  }

  onMessage(message: Message): void {
    this.#arrivals.message(message);
    this.#wakeUp();
  }

  onFetch(request: EntryRequest): Promise<EntryAnswer> {
    return answerFetch(this.#config.log, this.#core.lastIndex, request);
  }

  onUnreachable(peer: NodeId): void {
    this.#snapshots?.onUnreachable(peer);
    this.#onInput({ kind: InputKind.unreachable, peer });
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
    if (this.#stopped !== null) {
      return Promise.reject(this.#stopped);
    }
    return (
      this.#snapshots?.take() ??
      Promise.reject(new RaftError({ code: "DT_RAFT_NO_SNAPSHOTS", groupId: this.groupId }))
    );
  }

  async #release(): Promise<void> {
    await toPromise(this.#fibers.shutdownFuture);
    await this.#config.log.close();
    await this.#config.snapshots?.close();
  }

  #makeSnapshotStage({ catalog, target, sessions }: OpenedState): SnapshotStage | null {
    const { log, options, stateMachine } = this.#config;
    const { clock, logger, transport, snapshotSlots = new SnapshotSlots() } = this.#deps;
    if (catalog === null || target === null) {
      return null;
    }
    return new SnapshotStage({
      groupId: this.groupId,
      core: this.#core,
      log,
      applies: this.#applies,
      takeState: stateMachine.takeSnapshot?.bind(stateMachine) ?? null,
      target,
      encodeSessions: () => sessions.encode(),
      catalog,
      slots: snapshotSlots,
      options,
      clock,
      logger,
      send: (message) => transport.send(this.groupId, message),
      onInput: (input) => this.#onInput(input),
      onRestored: () => this.#wakeUp(),
      onFailed: (error) => this.#fail(error),
    });
  }

  #refuseProposal(payloadBytes: number): RaftError | null {
    const { maxEntryBytes, maxPendingProposals, maxPendingBytes } = this.#config.options;
    const pending = this.#proposals.count;
    const pendingBytes = this.#proposals.byteLength;
    if (this.#stopped !== null) {
      return this.#stopped;
    }
    if (this.#core.role !== Role.leader && this.#heldUntilMs === 0) {
      return this.#notLeader;
    }
    if (payloadBytes > maxEntryBytes) {
      return new RaftError({
        code: "DT_RAFT_ENTRY_TOO_LARGE",
        payloadBytes,
        maxPayloadBytes: maxEntryBytes,
      });
    }
    if (pending >= maxPendingProposals || pendingBytes + payloadBytes > maxPendingBytes) {
      return new RaftError({ code: "DT_RAFT_PROPOSALS_FULL", pending, pendingBytes });
    }
    if (this.#writes.isFull) {
      return new RaftError({ code: "DT_RAFT_NO_SPACE", taken: false });
    }
    return null;
  }

  *#loop(): FiberGen<void> {
    for (;;) {
      while (!this.#hasWork) {
        yield* this.#wake.wait();
      }
      this.#hasWork = false;
      if (this.#stopped === null) {
        this.#turn();
      }
    }
  }

  *#ticker(): FiberGen<void> {
    for (;;) {
      yield* sleep(this.#config.options.tickMs);
      this.#isTickDue = true;
      this.#onInput(TICK);
    }
  }

  #wakeUp(): void {
    if (!this.#hasWork) {
      this.#hasWork = true;
      this.#wake.signal();
    }
  }

  /** Everything that arrived since the last turn: steps the core, does what it says, applies, answers. */
  #turn(): void {
    const nowMs = this.#deps.clock.nowMs();
    const wallMs = this.#deps.clock.wallMs();
    const wasTransferring = this.#core.transferTo !== 0;
    this.#stepArrived(nowMs, wallMs);
    this.#stepProposals(nowMs, wallMs);
    this.#stepReads(nowMs, wallMs);
    while (this.#stopped === null && this.#core.hasOutput) {
      const output = this.#core.take();
      if (output.leadershipLost) {
        // Whose entry is committed already gets its answer.
        this.#apply(nowMs, wallMs);
        this.#loseLeadership(wasTransferring, nowMs);
      }
      this.#carryOut(output);
    }
    this.#apply(nowMs, wallMs);
    if (this.#heldUntilMs !== 0) {
      this.#releaseHeld(nowMs);
    }
    if (this.#admin.isBusy) {
      this.#admin.onTurn();
    }
    if (this.#isTickDue && this.#stopped === null) {
      this.#isTickDue = false;
      this.#snapshots?.onTick();
    }
    if (this.#core.hasOutput) {
      this.#wakeUp();
    }
  }

  #stepArrived(nowMs: number, wallMs: number): void {
    this.#arrivals.stepInto(this.#core, nowMs, wallMs);
    if (this.#writes.isFull && nowMs >= this.#nextRetryMs) {
      this.#nextRetryMs = nowMs + this.#config.options.noSpaceRetryMs;
      this.#writes.retry();
    }
  }

  #stepProposals(nowMs: number, wallMs: number): void {
    const core = this.#core;
    if (this.#proposals.pendingCount === 0 || core.role !== Role.leader || core.transferTo !== 0) {
      return;
    }
    const batches = this.#proposals.seal(core.lastIndex + 1, core.term, wallMs, core.lastChain);
    for (const batch of batches) {
      core.step({ kind: InputKind.propose, batch }, nowMs, wallMs);
    }
  }

  #stepReads(nowMs: number, wallMs: number): void {
    if (!this.#reads.hasPending) {
      return;
    }
    const core = this.#core;
    const token = this.#reads.openRound();
    if (core.isReadable && nowMs < core.leaseUntilMs()) {
      this.#reads.grant(token, core.commitIndex);
    } else {
      core.step({ kind: InputKind.read, token, mayAskLeader: true }, nowMs, wallMs);
    }
  }

  #carryOut(output: Output): void {
    if (output.leadershipLost) {
      this.#snapshots?.onLeadershipLost();
    }
    if (output.roleChange !== null) {
      this.#notLeader = new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: this.leader() });
      this.#deps.logger.info(
        { groupId: this.groupId, nodeId: this.nodeId, ...output.roleChange },
        "role changed",
      );
    }
    if (output.configuration !== null) {
      this.#deps.transport.setMembers(this.groupId, output.configuration.members);
    }
    this.#admin.onAnswers(output.answers);
    this.#carrier.carry(output, this.#notLeader);
    if (output.snapshots !== null) {
      this.#carrySnapshots(output.snapshots, output.write?.io.sequence ?? 0);
    }
  }

  #carrySnapshots(work: Readonly<SnapshotWork>, sequence: number): void {
    if (this.#snapshots !== null) {
      this.#snapshots.carry(work, sequence);
      return;
    }
    for (const to of work.sends) {
      this.#onInput({ kind: InputKind.snapshotSent, to, index: 0 });
    }
  }

  #apply(nowMs: number, wallMs: number): void {
    const before = this.#applies.appliedIndex;
    const hasMore = this.#applies.run();
    const index = this.#applies.appliedIndex;
    if (index > before) {
      this.#core.step({ kind: InputKind.applied, index }, nowMs, wallMs);
    }
    this.#reads.serve(index);
    if (hasMore) {
      this.#wakeUp();
    }
  }

  #onInput(input: Input): void {
    this.#arrivals.input(input);
    this.#wakeUp();
  }

  /** Writes that waited for a transfer wait on until the successor is known, so that they can be told where it is. */
  #loseLeadership(wasTransferring: boolean, nowMs: number): void {
    const lost = new RaftError({ code: "DT_RAFT_LEADERSHIP_LOST", term: this.#core.term });
    if (wasTransferring) {
      this.#heldUntilMs = nowMs + this.#config.options.electionTimeoutMinMs;
      this.#proposals.failSealed(lost);
    } else {
      const hint = { code: "DT_RAFT_NOT_LEADER", leader: this.leader() } as const;
      this.#proposals.failAll(new RaftError(hint), lost);
    }
  }

  #releaseHeld(nowMs: number): void {
    const { role, leaderId } = this.#core;
    if (role === Role.leader) {
      this.#heldUntilMs = 0;
    } else if (leaderId !== 0 || nowMs >= this.#heldUntilMs) {
      this.#heldUntilMs = 0;
      this.#proposals.failAll(this.#notLeader, this.#notLeader);
    }
  }

  #onPersisted(io: IoId): void {
    this.#arrivals.persisted(io);
    this.#snapshots?.onPersisted(io.sequence);
    this.#wakeUp();
  }

  #onNoSpace(error: Error): void {
    this.#deps.logger.error({ groupId: this.groupId, err: error }, "disk full, writes are refused");
    this.#nextRetryMs = this.#deps.clock.nowMs() + this.#config.options.noSpaceRetryMs;
    this.#proposals.failAll(
      new RaftError({ code: "DT_RAFT_NO_SPACE", taken: false }, { cause: error }),
      new RaftError({ code: "DT_RAFT_NO_SPACE", taken: true }, { cause: error }),
    );
  }

  #fail(error: RaftError): void {
    if (this.#stopped !== null) {
      return;
    }
    this.#deps.logger.error({ groupId: this.groupId, err: error }, "group stopped");
    this.#stop(error);
    this.#config.onFailed?.(error);
  }

  #stop(error: RaftError): void {
    if (this.#stopped !== null) {
      return;
    }
    this.#stopped = error;
    this.#deps.transport.unregister(this.groupId);
    const taken =
      error.code === "DT_RAFT_GROUP_STOPPED"
        ? new RaftError({ code: error.code, groupId: this.groupId, taken: true })
        : error;
    this.#proposals.failAll(error, taken);
    this.#reads.failAll(error);
    this.#admin.stop(error);
    this.#snapshots?.close();
    this.#fibers.requestShutdown();
  }
}

const TICK: Input = Object.freeze({ kind: InputKind.tick });

function keepsResults<R>(machine: StateMachine<R>): machine is StateMachine<R> & KeptResults<R> {
  return machine.encodeResult !== undefined && machine.decodeResult !== undefined;
}
