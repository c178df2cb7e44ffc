import type { RaftError } from "../errors.ts";
import type { ReadWaiter } from "./state-machine.ts";

/** Reads that were confirmed by the same round and wait for the same index. */
interface Round {
  readonly token: number;
  readonly waiters: ReadWaiter[];
  /** Known when the round is granted; Infinity before. */
  index: number;
}

/**
 * Linearizable reads that could not be served at once. All reads of one turn share one token, so one round of
 * heartbeats confirms them; a granted round waits until its index is applied.
 */
export class ReadQueue {
  #pending: ReadWaiter[] = [];
  #rounds: Round[] = [];
  #nextToken = 1;
  #count = 0;

  /** Reads that wait. */
  get count(): number {
    return this.#count;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  add(waiter: ReadWaiter): void {
    this.#pending.push(waiter);
    this.#count++;
  }

  /** Opens a round for the pending reads and returns its token. */
  openRound(): number {
    const token = this.#nextToken++;
    this.#rounds.push({ token, waiters: this.#pending, index: Infinity });
    this.#pending = [];
    return token;
  }

  grant(token: number, index: number): void {
    for (const round of this.#rounds) {
      if (round.token === token) {
        round.index = index;
      }
    }
  }

  /** Serves every granted round whose index is applied. */
  serve(appliedIndex: number): void {
    if (this.#rounds.length === 0) {
      return;
    }
    const ready = this.#rounds.filter((round) => round.index <= appliedIndex);
    if (ready.length === 0) {
      return;
    }
    this.#rounds = this.#rounds.filter((round) => round.index > appliedIndex);
    for (const round of ready) {
      this.#count -= round.waiters.length;
      for (const waiter of round.waiters) {
        waiter.ready();
      }
    }
  }

  drop(token: number, error: RaftError): void {
    const dropped = this.#rounds.filter((round) => round.token === token);
    this.#rounds = this.#rounds.filter((round) => round.token !== token);
    for (const round of dropped) {
      this.#fail(round.waiters, error);
    }
  }

  failAll(error: RaftError): void {
    const rounds = this.#rounds;
    const pending = this.#pending;
    this.#rounds = [];
    this.#pending = [];
    for (const round of rounds) {
      this.#fail(round.waiters, error);
    }
    this.#fail(pending, error);
  }

  #fail(waiters: ReadWaiter[], error: RaftError): void {
    this.#count -= waiters.length;
    for (const waiter of waiters) {
      waiter.fail(error);
    }
  }
}
