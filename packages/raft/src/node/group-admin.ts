import type {
  AdminAnswer,
  AdminRefusal,
  ConfigRequest,
  MemberLists,
  MemberTarget,
} from "../core/config-request.ts";
import { type Input, InputKind } from "../core/input.ts";
import { problemsOf } from "../core/config-check.ts";
import { type Configuration, isJoint, isSameSet } from "../core/membership.ts";
import type { NodeId } from "../core/message.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { Member } from "../entry/config-payload.ts";
import { type LeaderHint, RaftError } from "../errors.ts";
import { refusalError } from "./admin-refusal.ts";

export interface ChangeOptions {
  /**
   * Milliseconds until a step that is under way is given up, above 0; what was appended may still take effect.
   * Default 60 000.
   */
  readonly timeoutMs?: number;
  /** Make voters of nodes that have not caught up. */
  readonly force?: boolean;
}

export interface AdminDeps {
  readonly core: RaftCore;
  readonly nowMs: () => number;
  readonly onInput: (input: Input) => void;
  readonly leader: () => LeaderHint | null;
  readonly electionTimeoutMaxMs: number;
}

type Prepare = Extract<ConfigRequest, { action: "prepare" }>;

interface Wait {
  /** Null as long as there is nothing to say, else the outcome. */
  readonly look: () => { readonly error: RaftError | null } | null;
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * What administrators ask of one group, as promises: hands requests to the core, and looks after every turn
 * whether what they wait for has come. Every call may be repeated after an error: what is done stays done.
 */
export class GroupAdmin {
  readonly #deps: AdminDeps;
  readonly #answers = new Map<number, (answer: AdminAnswer) => void>();
  #waits: Wait[] = [];
  #nextToken = 1;
  #stopped: RaftError | null = null;

  constructor(deps: AdminDeps) {
    this.#deps = deps;
  }

  get isBusy(): boolean {
    return this.#waits.length > 0;
  }

  /** Makes `to`, or with 0 the voter that has most of the log, the leader; resolves with who leads. */
  async transfer(to: NodeId): Promise<NodeId> {
    const { core, nowMs, electionTimeoutMaxMs } = this.#deps;
    await this.#ask((token) => ({ kind: InputKind.transfer, token, to }));
    const { term } = core;
    const deadlineMs = nowMs() + 2 * electionTimeoutMaxMs;
    await this.#until(() => {
      if (core.role !== Role.leader || core.term !== term) {
        if (core.leaderId !== 0) {
          return DONE;
        }
        return nowMs() < deadlineMs
          ? null
          : { error: new RaftError({ code: "DT_RAFT_TRANSFER_FAILED", to }) };
      }
      return core.transferTo === 0
        ? { error: new RaftError({ code: "DT_RAFT_TRANSFER_FAILED", to }) }
        : null;
    });
    return core.leaderId;
  }

  /** Resolves with the index of the configuration when it is committed. */
  async step(request: ConfigRequest): Promise<number> {
    const { role, configuration } = this.#deps.core;
    // The configuration of the start is at 0, and nobody prepared it.
    if (role === Role.leader && request.action !== "prepare" && !(request.prepareIndex > 0)) {
      throw this.#errorOf({ reason: "prepareIndex", active: configuration.index });
    }
    const { index } = await this.#ask((token) => ({
      kind: InputKind.changeConfig,
      token,
      request,
    }));
    await this.#committed(index);
    return index;
  }

  /**
   * The whole way to other members: who is new follows first, and votes when it has caught up. A leader that is
   * not to vote any more hands over first, and then refuses with DT_RAFT_NOT_LEADER: the call goes on at the next one.
   */
  async change(target: MemberTarget, options: ChangeOptions = {}): Promise<void> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    if (!(timeoutMs > 0)) {
      throw new RaftError({ code: "DT_RAFT_OPTIONS", problems: [`timeoutMs: ${timeoutMs}`] });
    }
    const deadlineMs = this.#deps.nowMs() + timeoutMs;
    const { core } = this.#deps;
    await this.#untilSettled(deadlineMs);
    this.#assertMakesSense(target);
    if (options.force !== true) {
      await this.#addObservers(target, deadlineMs);
    }
    const ids = target.voters.map(idOf);
    if (!ids.includes(core.id) && core.role === Role.leader) {
      const successors = ids.filter((id) => core.configuration.voters.includes(id));
      if (successors.length > 0) {
        await this.#handOverTo(successors, deadlineMs);
        throw this.#notLeader();
      }
    }
    await this.#stepTo(target, deadlineMs, options.force === true);
    await this.#untilSettled(deadlineMs);
    this.#assertMembers(target);
  }

  /** One after the other is asked, and all of them again, until one leads: somebody slow today is no reason to fail. */
  async #handOverTo(successors: readonly NodeId[], deadlineMs: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.transfer(successors[attempt % successors.length] as NodeId);
        return;
      } catch (error) {
        const isFailed = error instanceof RaftError && error.code === "DT_RAFT_TRANSFER_FAILED";
        if (!isFailed || this.#deps.nowMs() >= deadlineMs) {
          throw error;
        }
      }
    }
  }

  /** Looks at all of it before the first step of several changes anything. */
  #assertMakesSense(target: MemberTarget): void {
    const { configuration } = this.#deps.core;
    const request = requestOf(configuration, listsOf(target), membersOf(target), false);
    const problems = problemsOf(configuration, request);
    if (problems.length > 0) {
      throw this.#errorOf({ reason: "invalid", problems });
    }
  }

  /** Throws when somebody else ended the change otherwise. */
  #assertMembers(target: MemberTarget): void {
    const { voters, observers } = this.#deps.core.configuration;
    const isThere =
      isSameSet(voters, target.voters.map(idOf)) &&
      isSameSet(observers, target.observers.map(idOf));
    if (!isThere) {
      throw this.#errorOf({ reason: "oldMembers", voters, observers });
    }
  }

  /** The group's turn is over: whoever waits for something may have it. */
  onTurn(): void {
    const waits = this.#waits;
    if (waits.length === 0) {
      return;
    }
    this.#waits = [];
    for (const wait of waits) {
      const outcome = wait.look();
      if (outcome === null) {
        this.#waits.push(wait);
      } else if (outcome.error === null) {
        wait.resolve();
      } else {
        wait.reject(outcome.error);
      }
    }
  }

  onAnswers(answers: readonly AdminAnswer[]): void {
    for (const answer of answers) {
      this.#answers.get(answer.token)?.(answer);
      this.#answers.delete(answer.token);
    }
  }

  stop(error: RaftError): void {
    this.#stopped = error;
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      wait.reject(error);
    }
    for (const [token, answer] of this.#answers) {
      answer({ token, index: 0, refusal: { reason: "notLeader" } });
    }
    this.#answers.clear();
  }

  /** Who is to vote and is no member yet follows first. */
  async #addObservers({ voters }: MemberTarget, deadlineMs: number): Promise<void> {
    const { configuration } = this.#deps.core;
    const known = [...configuration.voters, ...configuration.observers];
    const strangers = voters.filter(({ nodeId }) => !known.includes(nodeId));
    if (strangers.length === 0) {
      return;
    }
    const observers = [...configuration.observers, ...strangers.map(({ nodeId }) => nodeId)];
    const next = { voters: configuration.voters, observers };
    await this.#prepare(next, strangers, deadlineMs, false);
    await this.#untilSettled(deadlineMs);
  }

  #stepTo(target: MemberTarget, deadlineMs: number, isForced: boolean): Promise<void> {
    return this.#prepare(listsOf(target), membersOf(target), deadlineMs, isForced);
  }

  /** Begins a change that the leader of the day ends; waits for who has to catch up first. */
  async #prepare(
    next: MemberLists,
    members: readonly Member[],
    deadlineMs: number,
    isForced: boolean,
  ): Promise<void> {
    for (;;) {
      const request = requestOf(this.#deps.core.configuration, next, members, isForced);
      const answer = await this.#answerTo((token) => ({
        kind: InputKind.changeConfig,
        token,
        request,
      }));
      if (answer.refusal === null) {
        return;
      }
      const isWorthWaiting =
        answer.refusal.reason === "behind" || answer.refusal.reason === "notReady";
      if (!isWorthWaiting || this.#deps.nowMs() >= deadlineMs) {
        throw this.#errorOf(answer.refusal);
      }
      await this.#untilLater();
    }
  }

  /** No change is under way: the active configuration is not joint, and committed. */
  #untilSettled(deadlineMs: number): Promise<void> {
    const { core, nowMs } = this.#deps;
    return this.#until(() => {
      if (core.role !== Role.leader) {
        return { error: this.#notLeader() };
      }
      const { configuration, commitIndex, isReadable } = core;
      if (isReadable && !isJoint(configuration) && configuration.index <= commitIndex) {
        return DONE;
      }
      return nowMs() < deadlineMs
        ? null
        : { error: this.#errorOf({ reason: "pending", index: configuration.index }) };
    });
  }

  #committed(index: number): Promise<void> {
    const { core } = this.#deps;
    const { term } = core;
    return this.#until(() => {
      if (core.commitIndex >= index && core.term === term) {
        return DONE;
      }
      return core.role === Role.leader && core.term === term
        ? null
        : { error: new RaftError({ code: "DT_RAFT_LEADERSHIP_LOST", term }) };
    });
  }

  /** Some turns later: there is one at every tick. */
  #untilLater(): Promise<void> {
    const { nowMs } = this.#deps;
    const fromMs = nowMs();
    return this.#until(() => (nowMs() > fromMs ? DONE : null));
  }

  async #ask(make: (token: number) => Input): Promise<AdminAnswer> {
    const answer = await this.#answerTo(make);
    if (answer.refusal !== null) {
      throw this.#errorOf(answer.refusal);
    }
    return answer;
  }

  #answerTo(make: (token: number) => Input): Promise<AdminAnswer> {
    if (this.#stopped !== null) {
      return Promise.reject(this.#stopped);
    }
    const token = this.#nextToken++;
    return new Promise((resolve) => {
      this.#answers.set(token, resolve);
      this.#deps.onInput(make(token));
    });
  }

  #until(look: Wait["look"]): Promise<void> {
    const outcome = this.#stopped === null ? look() : { error: this.#stopped };
    if (outcome !== null) {
      return outcome.error === null ? Promise.resolve() : Promise.reject(outcome.error);
    }
    return new Promise((resolve, reject) => {
      this.#waits.push({ look, resolve, reject });
    });
  }

  #errorOf(refusal: AdminRefusal): RaftError {
    return this.#stopped ?? refusalError(refusal, this.#deps.leader());
  }

  #notLeader(): RaftError {
    return new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: this.#deps.leader() });
  }
}

const DONE = Object.freeze({ error: null });

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
