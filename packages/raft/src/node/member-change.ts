import type { ConfigRequest, MemberLists, MemberTarget } from "../core/config-request.ts";
import { problemsOf } from "../core/config-check.ts";
import { InputKind } from "../core/input.ts";
import { type Configuration, isJoint, isSameSet } from "../core/membership.ts";
import type { NodeId } from "../core/message.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { Member } from "../entry/config-payload.ts";
import { RaftError } from "../errors.ts";
import { type AdminDesk, DONE } from "./admin-desk.ts";

export interface MemberChangeParts {
  readonly core: RaftCore;
  readonly desk: AdminDesk;
  readonly nowMs: () => number;
  /** Makes a voter the leader; rejects with DT_RAFT_TRANSFER_FAILED when it does not take over in time. */
  readonly transfer: (to: NodeId) => Promise<NodeId>;
}

type Prepare = Extract<ConfigRequest, { action: "prepare" }>;

/**
 * The whole way to other members: who is new follows first, and votes when it has caught up. A leader that is
 * not to vote any more hands over first, and then refuses with DT_RAFT_NOT_LEADER: the change goes on at the next one.
 */
export class MemberChange {
  readonly #parts: MemberChangeParts;
  readonly #target: MemberTarget;
  readonly #deadlineMs: number;
  readonly #isForced: boolean;

  constructor(
    parts: MemberChangeParts,
    target: MemberTarget,
    deadlineMs: number,
    isForced: boolean,
  ) {
    this.#parts = parts;
    this.#target = target;
    this.#deadlineMs = deadlineMs;
    this.#isForced = isForced;
  }

  /** Resolves when the target are the members; may be repeated after an error: what is done stays done. */
  async run(): Promise<void> {
    const { core, desk } = this.#parts;
    await this.#untilSettled();
    this.#assertMakesSense();
    if (!this.#isForced) {
      await this.#addObservers();
    }
    const ids = this.#target.voters.map(idOf);
    if (!ids.includes(core.id) && core.role === Role.leader) {
      const successors = ids.filter((id) => core.configuration.voters.includes(id));
      if (successors.length > 0) {
        await this.#handOverTo(successors);
        throw desk.notLeader();
      }
    }
    await this.#prepare(listsOf(this.#target), membersOf(this.#target), this.#isForced);
    await this.#untilSettled();
    this.#assertMembers();
  }

  /** Who is to vote and is no member yet follows first. */
  async #addObservers(): Promise<void> {
    const { voters } = this.#target;
    const { configuration } = this.#parts.core;
    const known = [...configuration.voters, ...configuration.observers];
    const strangers = voters.filter(({ nodeId }) => !known.includes(nodeId));
    if (strangers.length === 0) {
      return;
    }
    const observers = [...configuration.observers, ...strangers.map(({ nodeId }) => nodeId)];
    const next = { voters: configuration.voters, observers };
    await this.#prepare(next, strangers, false);
    await this.#untilSettled();
  }

  /** One after the other is asked, and all of them again, until one leads: somebody slow today is no reason to fail. */
  async #handOverTo(successors: readonly NodeId[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#parts.transfer(successors[attempt % successors.length] as NodeId);
        return;
      } catch (error) {
        const isFailed = error instanceof RaftError && error.code === "DT_RAFT_TRANSFER_FAILED";
        if (!isFailed || this.#parts.nowMs() >= this.#deadlineMs) {
          throw error;
        }
      }
    }
  }

  /** Begins a change that the leader of the day ends; waits for who has to catch up first. */
  async #prepare(next: MemberLists, members: readonly Member[], isForced: boolean): Promise<void> {
    for (;;) {
      const request = requestOf(this.#parts.core.configuration, next, members, isForced);
      const answer = await this.#parts.desk.answer((token) => ({
        kind: InputKind.changeConfig,
        token,
        request,
      }));
      if (answer.refusal === null) {
        return;
      }
      const isWorthWaiting =
        answer.refusal.reason === "behind" || answer.refusal.reason === "notReady";
      if (!isWorthWaiting || this.#parts.nowMs() >= this.#deadlineMs) {
        throw this.#parts.desk.errorOf(answer.refusal);
      }
      await this.#untilLater();
    }
  }

  /** No change is under way: the active configuration is not joint, and committed. */
  #untilSettled(): Promise<void> {
    const { core, nowMs } = this.#parts;
    return this.#parts.desk.until(() => {
      if (core.role !== Role.leader) {
        return { error: this.#parts.desk.notLeader() };
      }
      const { configuration, commitIndex, isReadable } = core;
      if (isReadable && !isJoint(configuration) && configuration.index <= commitIndex) {
        return DONE;
      }
      return nowMs() < this.#deadlineMs
        ? null
        : { error: this.#parts.desk.errorOf({ reason: "pending", index: configuration.index }) };
    });
  }

  /** Some turns later: there is one at every tick. */
  #untilLater(): Promise<void> {
    const { nowMs } = this.#parts;
    const fromMs = nowMs();
    return this.#parts.desk.until(() => (nowMs() > fromMs ? DONE : null));
  }

  /** Looks at all of it before the first step of several changes anything. */
  #assertMakesSense(): void {
    const { configuration } = this.#parts.core;
    const target = this.#target;
    const request = requestOf(configuration, listsOf(target), membersOf(target), false);
    const problems = problemsOf(configuration, request);
    if (problems.length > 0) {
      throw this.#parts.desk.errorOf({ reason: "invalid", problems });
    }
  }

  /** Throws when somebody else ended the change otherwise. */
  #assertMembers(): void {
    const { voters, observers } = this.#parts.core.configuration;
    const target = this.#target;
    const isThere =
      isSameSet(voters, target.voters.map(idOf)) &&
      isSameSet(observers, target.observers.map(idOf));
    if (!isThere) {
      throw this.#parts.desk.errorOf({ reason: "oldMembers", voters, observers });
    }
  }
}

/** The guided step from the members of now. */
function requestOf(
  { voters, observers }: Configuration,
  next: MemberLists,
  members: readonly Member[],
  isForced: boolean,
): Prepare {
  const old = { voters, observers };
  return { action: "prepare", old, next, members, leavesByItself: true, isForced };
}

function listsOf({ voters, observers }: MemberTarget): MemberLists {
  return { voters: voters.map(idOf), observers: observers.map(idOf) };
}

function membersOf({ voters, observers }: MemberTarget): readonly Member[] {
  return [...voters, ...observers];
}

function idOf({ nodeId }: Member): NodeId {
  return nodeId;
}
