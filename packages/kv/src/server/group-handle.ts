import type { Freshness, Proposal, ReadWaiter } from "@dt/raft";
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
  /**
   * Calls back when the state machine may be read as a linearizable read. With `mayAskLeader` a node that does not
   * lead asks who does instead of refusing.
   */
  read(waiter: ReadWaiter, mayAskLeader?: boolean): void;
  /** How old the state machine may be. */
  freshness(): Freshness;
}
