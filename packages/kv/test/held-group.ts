import { RaftError } from "@dt/raft";
import type { Freshness, Proposal, RaftFault, ReadWaiter } from "@dt/raft";
import type { GroupHandle } from "../src/server/group-handle.ts";
import { KvStateMachine } from "../src/state-machine.ts";
import type { KvResult } from "../src/state-machine.ts";

interface HeldWrite {
  readonly bizType: number;
  readonly payload: Buffer;
  readonly proposal: Proposal<KvResult>;
}

/**
 * A group that does what a test says when the test says so: writes and reads wait until `commit` and `confirm`, or
 * are refused with `refuseAll`.
 */
export class HeldGroup implements GroupHandle {
  readonly stateMachine: KvStateMachine = new KvStateMachine();
  /** Whether reads may be served at once. */
  hasLease = true;
  #fault: RaftFault | null = null;
  #writes: HeldWrite[] = [];
  #reads: ReadWaiter[] = [];
  #index = 0;
  #arrived: (() => void)[] = [];

  get heldCount(): number {
    return this.#writes.length + this.#reads.length;
  }

  /** From now on everything is refused with this fault, what is held as well. */
  refuseAll(fault: RaftFault): void {
    this.#fault = fault;
    for (const { proposal } of this.#writes.splice(0)) {
      proposal.fail(new RaftError(fault));
    }
    for (const waiter of this.#reads.splice(0)) {
      waiter.fail(new RaftError(fault));
    }
  }

  /** Resolves when this many writes and reads are held. */
  async holds(count: number): Promise<void> {
    while (this.heldCount < count) {
      await new Promise<void>((resolve) => {
        this.#arrived.push(resolve);
      });
    }
  }

  /** Applies the held writes and answers them. */
  commit(): void {
    for (const { bizType, payload, proposal } of this.#writes.splice(0)) {
      const result = this.stateMachine.apply(bizType, payload, 0, payload.length, 1000);
      proposal.succeed(result, ++this.#index);
    }
  }

  freshness(): Freshness {
    return { appliedIndex: this.#index, ageMs: this.hasLease ? 0 : Infinity };
  }

  /** Lets the held reads see what is committed. */
  confirm(): void {
    for (const waiter of this.#reads.splice(0)) {
      waiter.ready();
    }
  }

  propose(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<KvResult>,
  ): void {
    if (this.#fault !== null) {
      proposal.fail(new RaftError(this.#fault));
      return;
    }
    this.#writes.push({ bizType, payload: Buffer.from(payload.subarray(start, end)), proposal });
    this.#tell();
  }

  canReadNow(): boolean {
    return this.hasLease;
  }

  read(waiter: ReadWaiter): void {
    if (this.#fault !== null) {
      waiter.fail(new RaftError(this.#fault));
      return;
    }
    this.#reads.push(waiter);
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#arrived.splice(0)) {
      resolve();
    }
  }
}
