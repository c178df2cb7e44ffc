import type { AdminAnswer, ConfigRequest, MemberTarget } from "../core/config-request.ts";
import { type Input, InputKind } from "../core/input.ts";
import type { NodeId } from "../core/message.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import { type LeaderHint, RaftError } from "../errors.ts";
import { AdminDesk, DONE } from "./admin-desk.ts";
import { MemberChange } from "./member-change.ts";

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

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * What administrators ask of one group, as promises: hands requests to the core, and looks after every turn
 * whether what they wait for has come. Every call may be repeated after an error: what is done stays done.
 */
export class GroupAdmin {
  readonly #deps: AdminDeps;
  readonly #desk: AdminDesk;

  constructor(deps: AdminDeps) {
    this.#deps = deps;
    this.#desk = new AdminDesk(deps);
  }

  get isBusy(): boolean {
    return this.#desk.isBusy;
  }

  /** Makes `to`, or with 0 the voter that has most of the log, the leader; resolves with who leads. */
  async transfer(to: NodeId): Promise<NodeId> {
    const { core, nowMs, electionTimeoutMaxMs } = this.#deps;
    await this.#desk.ask((token) => ({ kind: InputKind.transfer, token, to }));
    const { term } = core;
    const deadlineMs = nowMs() + 2 * electionTimeoutMaxMs;
    await this.#desk.until(() => {
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
    // When the answer is heard, the node may be in a later term, and another entry stand at the index.
    const { role, term, configuration } = this.#deps.core;
    // The configuration of the start is at 0, and nobody prepared it.
    if (role === Role.leader && request.action !== "prepare" && !(request.prepareIndex > 0)) {
      throw this.#desk.errorOf({ reason: "prepareIndex", active: configuration.index });
    }
    const { index } = await this.#desk.ask((token) => ({
      kind: InputKind.changeConfig,
      token,
      request,
    }));
    await this.#committed(index, term);
    return index;
  }

  /** Makes `target` the members, see `MemberChange`. */
  async change(target: MemberTarget, options: ChangeOptions = {}): Promise<void> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, force: isForced = false } = options;
    if (!(timeoutMs > 0)) {
      throw new RaftError({ code: "DT_RAFT_OPTIONS", problems: [`timeoutMs: ${timeoutMs}`] });
    }
    const { core, nowMs } = this.#deps;
    const transfer = (to: NodeId): Promise<NodeId> => this.transfer(to);
    const parts = { core, desk: this.#desk, nowMs, transfer };
    await new MemberChange(parts, target, nowMs() + timeoutMs, isForced).run();
  }

  onTurn(): void {
    this.#desk.onTurn();
  }

  onAnswers(answers: readonly AdminAnswer[]): void {
    this.#desk.onAnswers(answers);
  }

  stop(error: RaftError): void {
    this.#desk.stop(error);
  }

  #committed(index: number, term: number): Promise<void> {
    const { core } = this.#deps;
    return this.#desk.until(() => {
      if (core.commitIndex >= index && core.term === term) {
        return DONE;
      }
      return core.role === Role.leader && core.term === term
        ? null
        : { error: new RaftError({ code: "DT_RAFT_LEADERSHIP_LOST", term }) };
    });
  }
}
