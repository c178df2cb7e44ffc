import type { Proposal, ReadWaiter } from "@dt/raft";
import type { KvResult } from "../state-machine.ts";

/** What the handlers need of a group. RaftGroup of @dt/raft has it; so has anything else that orders entries. */
export interface GroupHandle {
  /** Copies the payload before it returns; `proposal` is answered then or later. */
  propose(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<KvResult>,
  ): void;
  /** Whether the state machine may be read right now as a linearizable read. */
  canReadNow(): boolean;
  /** Calls back when the state machine may be read as a linearizable read. */
  read(waiter: ReadWaiter): void;
}
