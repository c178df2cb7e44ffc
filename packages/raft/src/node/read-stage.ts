import type { Clock } from "@dt/fiber";
import { InputKind } from "../core/input.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import { RaftError } from "../errors.ts";
import type { ApplyStage } from "./apply-stage.ts";
import type { GroupStanding } from "./group-standing.ts";
import { ReadQueue } from "./read-queue.ts";
import type { Freshness, ReadWaiter } from "./state-machine.ts";
import type { TurnSignal } from "./turn-signal.ts";

export interface ReadParts {
  readonly core: RaftCore;
  readonly clock: Clock;
  readonly applies: Pick<ApplyStage<unknown>, "appliedIndex">;
  readonly standing: GroupStanding;
  readonly signal: TurnSignal;
  readonly maxPendingReads: number;
}

/** Reads of a group: whether they may be served now, and when the others may. */
export class ReadStage {
  /** Reads that wait. */
  readonly queue = new ReadQueue();
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** As `RaftGroup.canReadNow`. */
  canReadNow(): boolean {
    const { core, standing, applies, clock } = this.#parts;
    return (
      core.isReadable &&
      standing.stopped === null &&
      applies.appliedIndex >= core.commitIndex &&
      clock.nowMs() < core.leaseUntilMs()
    );
  }

  /** As `RaftGroup.read`. */
  read(waiter: ReadWaiter, mayAskLeader: boolean): void {
    const { core, standing, signal, maxPendingReads } = this.#parts;
    if (standing.stopped !== null) {
      waiter.fail(standing.stopped);
    } else if (core.role !== Role.leader && (!mayAskLeader || core.leaderId === 0)) {
      waiter.fail(standing.notLeader);
    } else if (this.queue.count >= maxPendingReads) {
      waiter.fail(new RaftError({ code: "DT_RAFT_READS_FULL", pending: this.queue.count }));
    } else {
      this.queue.add(waiter);
      signal.give();
    }
  }

  /** How old what a stale read sees may be. */
  freshness(): Freshness {
    const { core, applies, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const freshMs = core.freshMs(nowMs);
    return {
      appliedIndex: applies.appliedIndex,
      ageMs: freshMs < 0 ? Infinity : Math.max(0, nowMs - freshMs),
    };
  }

  /** Has everything that waits since the last turn confirmed in one round. */
  step(nowMs: number, wallMs: number): void {
    if (!this.queue.hasPending) {
      return;
    }
    const { core, clock } = this.#parts;
    const token = this.queue.openRound();
    // A read may have begun later than the turn, and the process may have stood still in between.
    if (core.isReadable && clock.nowMs() < core.leaseUntilMs()) {
      this.queue.grant(token, core.commitIndex);
    } else {
      core.step({ kind: InputKind.read, token, mayAskLeader: true }, nowMs, wallMs);
    }
  }
}
