import type { ApplyTiming } from "./apply-loop.ts";

/** How a process runs its core. */
export interface HostTiming extends ApplyTiming {
  /** Local time between two ticks. */
  readonly tickMs: number;
  /** Longest time from an input to the turn that handles it; 0 handles it at once. */
  readonly turnMaxMs: number;
  /** How often output is taken in the middle of a turn. */
  readonly takeEarlyRate: number;
  /** How often the core is replaced by its clone after a turn. */
  readonly cloneRate: number;
  /** Serve reads under the lease while it holds, else confirm every one of them. */
  readonly useLease: boolean;
  /** All reads of one turn share a token, else each has its own. */
  readonly shareReads: boolean;
  /** A node that does not lead asks who does before it serves a read, else it refuses the read. */
  readonly askLeader: boolean;
  /** How often a write is proposed without asking who leads. */
  readonly blindRate: number;
}

export const PROMPT_HOST: HostTiming = {
  tickMs: 20,
  turnMaxMs: 0,
  applyMaxMs: 0,
  applyBytes: 1 << 20,
  takeEarlyRate: 0,
  cloneRate: 0,
  useLease: true,
  shareReads: true,
  askLeader: false,
  blindRate: 0,
};
