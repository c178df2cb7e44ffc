import type { Input, IoId } from "../core/input.ts";
import { InputKind } from "../core/input.ts";
import type { NodeId } from "../core/message.ts";
import type { RaftCore } from "../core/raft-core.ts";
import { RaftError } from "../errors.ts";
import { ApplyStage } from "./apply-stage.ts";
import { Arrivals } from "./arrivals.ts";
import { GroupAdmin } from "./group-admin.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import { GroupStanding } from "./group-standing.ts";
import { OutputCarrier } from "./output-carrier.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import { ProposalStage } from "./proposal-stage.ts";
import { ReadStage } from "./read-stage.ts";
import { SessionStage } from "./sessions/session-stage.ts";
import type { OpenedState } from "./snapshots/open-state.ts";
import { SnapshotSlots } from "./snapshots/snapshot-slots.ts";
import { SnapshotStage } from "./snapshots/snapshot-stage.ts";
import type { KeptResults, StateMachine } from "./state-machine.ts";
import { TurnSignal } from "./turn-signal.ts";
import { WriteStage } from "./write-stage.ts";

/**
 * Batches, and the slabs they are built in, are at most this large: small slabs come back from the allocator while
 * they are still in the cache, which is what copying a payload costs most.
 */
const MAX_BATCH_BYTES = 256 << 10;

/** What a group consists of. */
export interface GroupParts<R> {
  readonly core: RaftCore;
  readonly standing: GroupStanding;
  readonly signal: TurnSignal;
  readonly arrivals: Arrivals;
  readonly proposals: ProposalStage<R>;
  readonly reads: ReadStage;
  readonly writes: WriteStage;
  readonly applies: ApplyStage<R>;
  /** Null for a group that takes no snapshots. */
  readonly snapshots: SnapshotStage | null;
  readonly carrier: OutputCarrier;
  readonly admin: GroupAdmin;
  /** Steps the core with it in the next turn. */
  readonly onInput: (input: Input) => void;
  readonly onUnreachable: (peer: NodeId) => void;
}

export interface GroupPartsEvents {
  /** Something failed for good: the group has to stop. */
  onFailed(error: RaftError): void;
  onNoSpace(): void;
}

/** Puts the parts of a group together. */
export function makeGroupParts<R>(
  config: GroupConfig<R>,
  deps: GroupDeps,
  core: RaftCore,
  opened: OpenedState,
  events: GroupPartsEvents,
): GroupParts<R> {
  const { groupId, log, options, stateMachine } = config;
  const { clock, logger, transport, drawSecret } = deps;
  const standing = new GroupStanding(core);
  const signal = new TurnSignal(`raft-${groupId}`);
  const arrivals = new Arrivals();
  const onInput = (input: Input): void => {
    arrivals.input(input);
    signal.give();
  };
  const onUnreachable = (peer: NodeId): void => {
    snapshots?.onUnreachable(peer);
    onInput({ kind: InputKind.unreachable, peer });
  };
  const onLogFailed = (cause: unknown): void =>
    events.onFailed(new RaftError({ code: "DT_RAFT_LOG_FAILED", groupId }, { cause }));
  const queue = new ProposalQueue<R>(Math.min(options.maxAppendBytes, MAX_BATCH_BYTES));
  const sessions = keepsResults(stateMachine)
    ? new SessionStage(opened.sessions, stateMachine, groupId)
    : null;
  const writes = new WriteStage(log, {
    onPersisted: (io: IoId) => {
      arrivals.persisted(io);
      snapshots?.onPersisted(io.sequence);
      signal.give();
    },
    onNoSpace: (error) => {
      logger.error({ groupId, err: error }, "disk full, writes are refused");
      events.onNoSpace();
      proposals.onNoSpace(error);
    },
    onSpaceReturned: () => logger.info({ groupId }, "disk has space again"),
    onFailed: onLogFailed,
  });
  const applies = new ApplyStage<R>(
    core,
    log,
    stateMachine,
    queue,
    {
      onFetched: () => signal.give(),
      onFailed: (index, cause) =>
        events.onFailed(new RaftError({ code: "DT_RAFT_APPLY_FAILED", groupId, index }, { cause })),
    },
    opened.snapshot ?? undefined,
    sessions,
  );
  const proposals = new ProposalStage<R>({
    groupId,
    core,
    options,
    queue,
    writes,
    applies,
    sessions,
    standing,
    signal,
    drawSecret,
  });
  const { maxPendingReads } = options;
  const reads = new ReadStage({ core, clock, applies, standing, signal, maxPendingReads });
  const shared = { core, applies, standing, signal, onInput };
  const snapshots = makeSnapshotStage(config, deps, opened, shared, events);
  const carrier = new OutputCarrier({
    groupId,
    log,
    writes,
    reads: reads.queue,
    transport,
    logger,
    onInput,
    onUnreachable,
    onDamaged: onLogFailed,
  });
  const admin = new GroupAdmin({
    core,
    nowMs: () => clock.nowMs(),
    onInput,
    leader: () => standing.leader(),
    electionTimeoutMaxMs: options.electionTimeoutMaxMs,
  });
  return {
    ...shared,
    arrivals,
    proposals,
    reads,
    writes,
    snapshots,
    carrier,
    admin,
    onUnreachable,
  };
}

function makeSnapshotStage<R>(
  { groupId, log, options, stateMachine }: GroupConfig<R>,
  { clock, logger, transport, snapshotSlots = new SnapshotSlots() }: GroupDeps,
  { catalog, target, sessions }: OpenedState,
  parts: Pick<GroupParts<R>, "core" | "applies" | "signal" | "onInput">,
  events: GroupPartsEvents,
): SnapshotStage | null {
  const { core, applies, signal, onInput } = parts;
  if (catalog === null || target === null) {
    return null;
  }
  return new SnapshotStage({
    groupId,
    core,
    log,
    applies,
    takeState: stateMachine.takeSnapshot?.bind(stateMachine) ?? null,
    target,
    encodeSessions: () => sessions.encode(),
    catalog,
    slots: snapshotSlots,
    options,
    clock,
    logger,
    send: (message) => transport.send(groupId, message),
    onInput,
    onRestored: () => signal.give(),
    onFailed: (error) => events.onFailed(error),
  });
}

function keepsResults<R>(machine: StateMachine<R>): machine is StateMachine<R> & KeptResults<R> {
  return machine.encodeResult !== undefined && machine.decodeResult !== undefined;
}
