import type { EntryBatch } from "../../entry/entry-batch.ts";
import type { ClientCall, ClientHistory } from "../check/client-history.ts";
import type { RegisterCommand, RegisterMachine } from "./register-machine.ts";
import { ensure } from "./sim-failure.ts";

interface WaitingWrite {
  readonly batch: EntryBatch;
  readonly index: number;
  readonly call: ClientCall;
}

interface ReadRound {
  readonly token: number;
  readonly calls: readonly ClientCall[];
  /** Infinity until the round is granted. */
  index: number;
}

/** The calls that wait in one process, by what the core was asked and what it granted. */
export class ClientDesk {
  readonly #history: ClientHistory;
  /** Ascending by index. */
  #writes: WaitingWrite[] = [];
  #reads: ReadRound[] = [];
  #nextToken = 1;

  constructor(history: ClientHistory) {
    this.#history = history;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#writes.length + this.#reads.reduce((sum, round) => sum + round.calls.length, 0);
  }

  /** The entries of `batch` belong to `calls`, one each. */
  addWrites(batch: EntryBatch, calls: readonly ClientCall[]): void {
    let index = batch.firstIndex;
    for (const call of calls) {
      this.#writes.push({ batch, index: index++, call });
    }
  }

  dropWrites(batch: EntryBatch): void {
    const dropped = this.#writes.filter((write) => write.batch === batch);
    ensure(dropped.length > 0, "drop", "a batch was dropped that nobody waits for");
    this.#writes = this.#writes.filter((write) => write.batch !== batch);
    for (const { call } of dropped) {
      this.#history.refuse(call);
    }
  }

  /** Opens a round for `calls`; returns its token. */
  addRead(calls: readonly ClientCall[]): number {
    const token = this.#nextToken++;
    this.#reads.push({ token, calls, index: Infinity });
    return token;
  }

  grantRead(token: number, index: number): void {
    const round = this.#reads.find((candidate) => candidate.token === token);
    ensure(round !== undefined, "read", () => `token ${token} is granted but was not asked for`);
    ensure(round.index === Infinity, "read", () => `token ${token} is granted twice`);
    round.index = index;
  }

  dropRead(token: number): void {
    const round = this.#reads.find((candidate) => candidate.token === token);
    ensure(round?.index === Infinity, "read", () => `token ${token} is dropped but does not wait`);
    this.#reads = this.#reads.filter((candidate) => candidate !== round);
    for (const call of round.calls) {
      this.#history.refuse(call);
    }
  }

  /** The entry at `index` was applied here: answers who waits for it. */
  noteApplied(index: number, command: RegisterCommand | null): void {
    for (let next = this.#writes[0]; next !== undefined; next = this.#writes[0]) {
      if (next.index > index) {
        return;
      }
      this.#writes.shift();
      if (command !== null && next.index === index && command.id === next.call.id) {
        this.#history.succeed(next.call, index, 0);
      } else {
        this.#history.refuse(next.call);
      }
    }
  }

  /** Serves every granted read whose index is applied. */
  serveReads(machine: RegisterMachine): void {
    const ready = this.#reads.filter((round) => round.index <= machine.appliedIndex);
    if (ready.length === 0) {
      return;
    }
    this.#reads = this.#reads.filter((round) => round.index > machine.appliedIndex);
    for (const { calls } of ready) {
      this.serveNow(calls, machine);
    }
  }

  /** Answers reads from the state as it is. */
  serveNow(calls: readonly ClientCall[], machine: RegisterMachine): void {
    for (const call of calls) {
      this.#history.succeed(call, machine.appliedIndex, machine.read(call.key));
    }
  }

  /** Leadership went: what became of the waiting writes is open. */
  loseWrites(): void {
    const lost = this.#writes;
    this.#writes = [];
    for (const { call } of lost) {
      this.#history.lose(call);
    }
  }

  /** The process died. */
  abandon(): void {
    const rounds = this.#reads;
    this.#reads = [];
    this.loseWrites();
    for (const { calls } of rounds) {
      for (const call of calls) {
        this.#history.lose(call);
      }
    }
  }
}
