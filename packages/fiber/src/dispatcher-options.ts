import { UnpooledBuffers } from "./buffer-pool.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { Clock } from "./clock.ts";
import { FiberError } from "./fiber-error.ts";
import { FifoPolicy } from "./fifo-policy.ts";
import type { PerfCallback } from "./perf-callback.ts";
import type { SchedulingPolicy } from "./scheduling-policy.ts";

export interface DispatcherOptions {
  /** Where time, timers and turns come from. Required. */
  readonly clock: Clock;
  /** The run queue, made for this dispatcher alone. Default: a new `FifoPolicy`. */
  readonly policy?: SchedulingPolicy;
  /** Observes turns and resumptions; null measures nothing and costs nothing. Default null. */
  readonly perf?: PerfCallback | null;
  /** Working buffers for the fibers of all its groups. Default: new ones of 64 KiB, not kept. */
  readonly buffers?: BufferPool;
  /**
   * Runnables resumed in one turn before timers and I/O get a chance, 1 to 1 000 000.
   * Default 1000. Less means earlier I/O under load, more means fewer event-loop rounds.
   */
  readonly turnBudget?: number;
  /** Used in errors. Default "dispatcher". */
  readonly name?: string;
}

export type ResolvedDispatcherOptions = Readonly<Required<DispatcherOptions>>;

export const DISPATCHER_DEFAULTS = {
  turnBudget: 1000,
  bufferBytes: 64 * 1024,
  name: "dispatcher",
} as const;

const MAX_TURN_BUDGET = 1_000_000;
const KNOWN_KEYS: readonly string[] = ["clock", "policy", "perf", "buffers", "turnBudget", "name"];

/** Checks and completes; throws DT_FIBER_OPTIONS with all problems at once. */
export function resolveDispatcherOptions(options: DispatcherOptions): ResolvedDispatcherOptions {
  const problems: string[] = [];
  for (const key of Object.keys(options)) {
    if (!KNOWN_KEYS.includes(key)) {
      problems.push(`${key} is not an option`);
    }
  }
  if (typeof options.clock?.setTimer !== "function") {
    problems.push("clock must be a Clock");
  }
  if (options.buffers !== undefined && typeof options.buffers?.acquire !== "function") {
    problems.push("buffers must be a BufferPool");
  }
  const turnBudget = options.turnBudget ?? DISPATCHER_DEFAULTS.turnBudget;
  if (!Number.isInteger(turnBudget) || turnBudget < 1 || turnBudget > MAX_TURN_BUDGET) {
    problems.push(`turnBudget must be an integer in 1..${MAX_TURN_BUDGET}, got ${turnBudget}`);
  }
  if (problems.length > 0) {
    throw new FiberError({ code: "DT_FIBER_OPTIONS", problems });
  }
  return Object.freeze({
    clock: options.clock,
    policy: options.policy ?? new FifoPolicy(),
    perf: options.perf ?? null,
    buffers: options.buffers ?? new UnpooledBuffers(DISPATCHER_DEFAULTS.bufferBytes),
    turnBudget,
    name: options.name ?? DISPATCHER_DEFAULTS.name,
  });
}
