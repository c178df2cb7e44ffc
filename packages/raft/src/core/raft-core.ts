import type { EntryBatch } from "../entry/entry-batch.ts";
import { assertCoreInvariants, digestCore } from "./core-check.ts";
import { type CoreConfig, CoreState } from "./core-state.ts";
import { onHardStateDurable, onVoteReply, onVoteRequest, tickElection } from "./election.ts";
import { onAppend, onHeartbeat, releaseAcks } from "./following.ts";
import { type Input, InputKind } from "./input.ts";
import { invariant } from "./invariant.ts";
import {
  flushHeartbeats,
  onFollowerReply,
  onOwnDurable,
  onPropose,
  tickLeader,
} from "./leading.ts";
import {
  type AppendReply,
  type HeartbeatReply,
  type Message,
  MessageKind,
  type NodeId,
} from "./message.ts";
import { type Output, Role, type Write } from "./output.ts";
import type { ProgressView } from "./progress.ts";
import { isReadable, onRead } from "./reads.ts";
import { flushAppends, onLogRead, onUnreachable } from "./replication.ts";
import { becomeFollower } from "./role.ts";

export type { CoreConfig } from "./core-state.ts";

/**
 * One member of one group: a pure machine. Inputs change plain data, `take` hands out what must
 * happen because of them. It has no clock, no disk and no network; the same inputs give the same
 * outputs.
 *
 * Duties of the host: feed a tick at least every heartbeat, and before it the messages that arrived;
 * take after every turn; write `Output.write`s in order and report them as persisted only when
 * durable; send `Output.messages` without waiting for the write; apply up to `commitIndex`.
 */
export class RaftCore {
  readonly #s: CoreState;

  constructor(config: CoreConfig, nowMs: number);
  /** A copy of `config`, a state. */
  constructor(config: CoreState);
  constructor(config: CoreConfig | CoreState, nowMs = 0) {
    this.#s = config instanceof CoreState ? config.clone() : new CoreState(config, nowMs);
  }

  get id(): NodeId {
    return this.#s.id;
  }

  get term(): number {
    return this.#s.term;
  }

  get vote(): NodeId {
    return this.#s.vote;
  }

  get role(): Role {
    return this.#s.role;
  }

  /** Leader of the present term; 0 = not known. */
  get leaderId(): NodeId {
    return this.#s.leaderId;
  }

  get commitIndex(): number {
    return this.#s.commitIndex;
  }

  get appliedIndex(): number {
    return this.#s.appliedIndex;
  }

  get lastIndex(): number {
    return this.#s.log.lastIndex;
  }

  get lastTerm(): number {
    return this.#s.log.lastTerm;
  }

  get lastChain(): number {
    return this.#s.log.lastChain;
  }

  /** Last entry that is on this node's disk. */
  get durableIndex(): number {
    return this.#s.writes.durableIndex;
  }

  /** Leads, and has committed an entry of its own term. */
  get isReadable(): boolean {
    return isReadable(this.#s);
  }

  /** Reads may be served from the state machine before this time; 0 = not at all. */
  leaseUntilMs(): number {
    return this.#s.leaseUntilMs;
  }

  /** Term of the entry at `index`; 0 for index 0, -1 when the log does not hold it. */
  termAt(index: number): number {
    return this.#s.log.termAt(index);
  }

  /**
   * Entries `firstIndex..lastIndex` as far as `maxBytes` allows, at least one; null when memory does
   * not hold `firstIndex` any more and the log has to be read.
   */
  tailBatches(firstIndex: number, lastIndex: number, maxBytes: number): EntryBatch[] | null {
    return this.#s.log.slice(firstIndex, lastIndex, maxBytes);
  }

  /** Leader: what it knows of its followers; else empty. */
  progress(): ProgressView[] {
    return this.#s.role === Role.leader ? this.#s.peers.map((peer) => peer.view()) : [];
  }

  /** `nowMs` is monotonic; `wallMs` only stamps the entry that a new leader makes. */
  step(input: Input, nowMs: number, wallMs: number): void {
    const s = this.#s;
    s.nowMs = Math.max(s.nowMs, nowMs);
    s.wallMs = wallMs;
    switch (input.kind) {
      case InputKind.tick:
        tick(s);
        break;
      case InputKind.message:
        receive(s, input.message);
        break;
      case InputKind.propose:
        onPropose(s, input.batch);
        break;
      case InputKind.read:
        onRead(s, input.token);
        break;
      case InputKind.persisted:
        persisted(s, input.io.sequence);
        break;
      case InputKind.applied:
        applied(s, input.index);
        break;
      case InputKind.logRead:
        logRead(s, input.to, input.firstIndex, input.batches);
        break;
      case InputKind.unreachable:
        unreachable(s, input.peer);
        break;
    }
  }

  /** Whether `take` may have something to hand out. */
  get hasOutput(): boolean {
    const s = this.#s;
    return (
      !s.out.isEmpty ||
      s.isHeartbeatWanted ||
      s.isAppendWanted ||
      s.commitIndex !== s.reportedCommitIndex ||
      hasUnwritten(s)
    );
  }

  /** Hands out everything that must happen because of the steps since the last call. */
  take(): Output {
    const s = this.#s;
    if (s.isHeartbeatWanted) {
      flushHeartbeats(s);
    }
    if (s.isAppendWanted) {
      flushAppends(s);
    }
    const out = s.out;
    const output: Output = {
      messages: out.messages,
      write: hasUnwritten(s) ? takeWrite(s) : null,
      readGrants: out.readGrants,
      readDrops: out.readDrops,
      proposeDrops: out.proposeDrops,
      logReads: out.logReads,
      roleChange: out.hasRoleChange ? { role: s.role, term: s.term, leaderId: s.leaderId } : null,
      leadershipLost: out.hasLostLeadership,
      commitIndex: s.commitIndex,
    };
    out.reset();
    s.reportedCommitIndex = s.commitIndex;
    return output;
  }

  /** Throws when the state contradicts itself: a bug. */
  assertInvariants(): void {
    assertCoreInvariants(this.#s);
  }

  clone(): RaftCore {
    return new RaftCore(this.#s);
  }

  /** Equal for equal states, and only for those. */
  digest(): string {
    return digestCore(this.#s);
  }
}

function tick(s: CoreState): void {
  const sinceLastTickMs = s.nowMs - s.lastTickMs;
  s.lastTickMs = s.nowMs;
  if (s.role === Role.leader) {
    tickLeader(s, sinceLastTickMs);
  } else {
    tickElection(s, sinceLastTickMs);
  }
}

function receive(s: CoreState, message: Message): void {
  if (message.to !== s.id || s.peer(message.from) === null) {
    return;
  }
  switch (message.kind) {
    case MessageKind.preVote:
    case MessageKind.vote:
      onVoteRequest(s, message);
      break;
    case MessageKind.preVoteReply:
    case MessageKind.voteReply:
      onVoteReply(s, message);
      break;
    case MessageKind.append:
      onAppend(s, message);
      break;
    case MessageKind.heartbeat:
      onHeartbeat(s, message);
      break;
    case MessageKind.appendReply:
    case MessageKind.heartbeatReply:
      receiveReply(s, message);
      break;
  }
}

function receiveReply(s: CoreState, reply: AppendReply | HeartbeatReply): void {
  if (reply.term > s.term) {
    becomeFollower(s, reply.term, 0);
    return;
  }
  const peer = s.peer(reply.from);
  if (peer !== null && s.role === Role.leader && reply.term === s.term) {
    onFollowerReply(s, peer, reply);
  }
}

function persisted(s: CoreState, sequence: number): void {
  s.writes.persisted(sequence);
  releaseAcks(s);
  if (s.writes.isHardStateDurable) {
    onHardStateDurable(s);
  }
  if (s.role === Role.leader) {
    onOwnDurable(s);
  }
  trimTail(s);
}

function applied(s: CoreState, index: number): void {
  invariant(index <= s.commitIndex, "only committed entries are applied");
  s.appliedIndex = Math.max(s.appliedIndex, index);
  trimTail(s);
}

function trimTail(s: CoreState): void {
  s.log.trim(Math.min(s.writes.durableIndex, s.appliedIndex), s.options.tailBytes);
}

function logRead(
  s: CoreState,
  to: NodeId,
  firstIndex: number,
  batches: readonly EntryBatch[],
): void {
  const peer = s.peer(to);
  if (peer !== null && s.role === Role.leader) {
    onLogRead(s, peer, firstIndex, batches);
  }
}

function unreachable(s: CoreState, id: NodeId): void {
  const peer = s.peer(id);
  if (peer !== null && s.role === Role.leader) {
    onUnreachable(peer);
  }
}

function hasUnwritten(s: CoreState): boolean {
  return s.writes.isHardStateDirty || s.writes.issuedIndex < s.log.lastIndex;
}

function takeWrite(s: CoreState): Write {
  const writes = s.writes;
  const isHardStateDirty = writes.isHardStateDirty;
  const truncateFrom = writes.truncateFrom;
  const batches = s.log.batchesFrom(writes.issuedIndex + 1);
  // The hard state is durable before the truncation: a commit index above what this disk already
  // holds of the present log would vouch for the entries that are about to be cut away.
  const commitIndex = Math.min(s.commitIndex, writes.durableIndex);
  const sequence = writes.issue(s.log.lastIndex);
  return {
    io: { term: s.term, sequence },
    hardState: isHardStateDirty ? { term: s.term, vote: s.vote, commitIndex } : null,
    truncateFrom,
    batches,
  };
}
