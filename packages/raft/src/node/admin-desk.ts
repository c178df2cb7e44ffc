import type { AdminAnswer, AdminRefusal } from "../core/config-request.ts";
import type { Input } from "../core/input.ts";
import { type LeaderHint, RaftError } from "../errors.ts";
import { refusalError } from "./admin-refusal.ts";

export interface AdminDeskDeps {
  readonly onInput: (input: Input) => void;
  readonly leader: () => LeaderHint | null;
}

/** Null as long as there is nothing to say, else the outcome. */
export type Look = () => { readonly error: RaftError | null } | null;

/** The outcome of what has come. */
export const DONE = Object.freeze({ error: null });

interface Wait {
  readonly look: Look;
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
}

/** Requests of administrators that wait: for the core's answer, or for something that a later turn may bring. */
export class AdminDesk {
  readonly #deps: AdminDeskDeps;
  readonly #answers = new Map<number, (answer: AdminAnswer) => void>();
  #waits: Wait[] = [];
  #nextToken = 1;
  #stopped: RaftError | null = null;

  constructor(deps: AdminDeskDeps) {
    this.#deps = deps;
  }

  get isBusy(): boolean {
    return this.#waits.length > 0;
  }

  /** Hands the input to the core; rejects with what the core refuses it for. */
  async ask(make: (token: number) => Input): Promise<AdminAnswer> {
    const answer = await this.answer(make);
    if (answer.refusal !== null) {
      throw this.errorOf(answer.refusal);
    }
    return answer;
  }

  /** As `ask`, with a refusal as the answer. */
  answer(make: (token: number) => Input): Promise<AdminAnswer> {
    if (this.#stopped !== null) {
      return Promise.reject(this.#stopped);
    }
    const token = this.#nextToken++;
    return new Promise((resolve) => {
      this.#answers.set(token, resolve);
      this.#deps.onInput(make(token));
    });
  }

  /** Resolves after the turn in which `look` has something to say. */
  until(look: Look): Promise<void> {
    const outcome = this.#stopped === null ? look() : { error: this.#stopped };
    if (outcome !== null) {
      return outcome.error === null ? Promise.resolve() : Promise.reject(outcome.error);
    }
    return new Promise((resolve, reject) => {
      this.#waits.push({ look, resolve, reject });
    });
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

  errorOf(refusal: AdminRefusal): RaftError {
    return this.#stopped ?? refusalError(refusal, this.#deps.leader());
  }

  notLeader(): RaftError {
    return new RaftError({ code: "DT_RAFT_NOT_LEADER", leader: this.#deps.leader() });
  }
}
