import type { EntryBatch } from "../entry/entry-batch.ts";
import { assertCoreInvariants, digestCore } from "./core-check.ts";
import { type CoreConfig, CoreState } from "./core-state.ts";
import type { Input } from "./input.ts";
import type { Configuration } from "./membership.ts";
import type { NodeId } from "./message.ts";
import { type Output, Role } from "./output.ts";
import type { ProgressView } from "./progress.ts";
import { leaderFreshMs } from "./lease.ts";
import { isReadable } from "./reads.ts";
import { step } from "./step.ts";
import { hasOutput, takeOutput } from "./take.ts";

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

  /** First entry that the log still holds. */
  get firstIndex(): number {
    return this.#s.log.firstIndex;
  }

  /** The state machine waits for a snapshot: the entries that would build its state are gone. */
  get isStateMissing(): boolean {
    return this.#s.isStateMissing;
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

  /** The newest configuration of the log; it counts from its append on. */
  get configuration(): Configuration {
    return this.#s.configs.active;
  }

  /** The configuration that was active at `index`, an index from the applied one on. */
  configurationAt(index: number): Configuration {
    return this.#s.configs.at(index);
  }

  /** Whom the leader hands over to; it takes no proposals meanwhile. 0 = it does not. */
  get transferTo(): NodeId {
    return this.#s.transferTo;
  }

  /** A voter said that this node was removed from the group, and the log does not say otherwise. */
  get isRemoved(): boolean {
    return this.#s.removedAtIndex > this.#s.configs.active.index;
  }

  /**
   * This node follows without a vote and heard no leader for an election timeout: perhaps it is no
   * member any more. Nobody tells it, because it never asks for votes.
   */
  isForsaken(nowMs: number): boolean {
    const { role, isVoter, heardLeaderMs, options } = this.#s;
    const silentMs = nowMs - heardLeaderMs;
    return role === Role.follower && !isVoter && silentMs >= options.electionTimeoutMaxMs;
  }

  /**
   * The state machine holds at least everything that was committed at this time of this node's
   * clock; -1 = not known. `nowMs` is the present time.
   */
  freshMs(nowMs: number): number {
    const s = this.#s;
    return s.role === Role.leader ? leaderFreshMs(s, nowMs) : s.freshMs;
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
    step(s, input);
  }

  /** Whether `take` may have something to hand out. */
  get hasOutput(): boolean {
    return hasOutput(this.#s);
  }

  /** Hands out everything that must happen because of the steps since the last call. */
  take(): Output {
    return takeOutput(this.#s);
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
