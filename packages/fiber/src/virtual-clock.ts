import type { Clock, TimerHandle } from "./clock.ts";
import { FiberError } from "./fiber-error.ts";
import { RingQueue } from "./ring-queue.ts";
import { Timer, TimerHeap } from "./timer-heap.ts";

export interface VirtualClockOptions {
  /** What `wallMs` starts at, in ms since the epoch. Default: 2020-01-01T00:00:00Z. */
  readonly wallStartMs?: number;
  /**
   * Callbacks at one instant after which the clock throws DT_FIBER_CLOCK_LIVELOCK, because
   * something never lets time pass. At least 1, otherwise DT_FIBER_OPTIONS. Default 10 000 000.
   */
  readonly maxCallbacksPerInstant?: number;
}

export const VIRTUAL_CLOCK_DEFAULTS = {
  wallStartMs: 1_577_836_800_000,
  maxCallbacksPerInstant: 10_000_000,
} as const;

/** Checks and completes; throws DT_FIBER_OPTIONS with all problems at once. */
function resolveVirtualClockOptions(options: VirtualClockOptions): Required<VirtualClockOptions> {
  const {
    wallStartMs = VIRTUAL_CLOCK_DEFAULTS.wallStartMs,
    maxCallbacksPerInstant = VIRTUAL_CLOCK_DEFAULTS.maxCallbacksPerInstant,
  } = options;
  const problems: string[] = [];
  if (!Number.isFinite(wallStartMs)) {
    problems.push(`wallStartMs must be a finite number, got ${wallStartMs}`);
  }
  if (!(maxCallbacksPerInstant >= 1)) {
    problems.push(`maxCallbacksPerInstant must be at least 1, got ${maxCallbacksPerInstant}`);
  }
  if (problems.length > 0) {
    throw new FiberError({ code: "DT_FIBER_OPTIONS", problems });
  }
  return { wallStartMs, maxCallbacksPerInstant };
}

/**
 * Time that moves only when told to. Deferred calls run in the order of `defer`, timers in the
 * order of their deadline and then of `setTimer`; all timers of one instant fire before the
 * calls they defer run, as on Node. An error thrown by a callback leaves `advance`,
 * `runUntilIdle` or `runUntil`; the clock stays usable and goes on with the next callback.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #deferred = new RingQueue<() => void>();
  readonly #wallStartMs: number;
  readonly #maxCallbacksPerInstant: number;
  #nowMs = 0;
  #isRunning = false;
  #callbackCount = 0;

  constructor(options: VirtualClockOptions = {}) {
    const resolved = resolveVirtualClockOptions(options);
    this.#wallStartMs = resolved.wallStartMs;
    this.#maxCallbacksPerInstant = resolved.maxCallbacksPerInstant;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallStartMs + this.#nowMs);
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    return this.#timers.add(atMs, fn);
  }

  clearTimer(handle: TimerHandle): void {
    if (handle instanceof Timer) {
      this.#timers.remove(handle);
    }
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  /** Timers that have neither fired nor been cleared. */
  get pendingTimerCount(): number {
    return this.#timers.size;
  }

  /** Deferred calls that have not run yet. */
  get pendingDeferCount(): number {
    return this.#deferred.size;
  }

  /** When the earliest timer is due; null without one. */
  get nextTimerMs(): number | null {
    return this.#timers.peek()?.atMs ?? null;
  }

  /** Runs deferred calls until none is left. Timers due now fire too; time does not move. */
  runUntilIdle(): void {
    this.#enter("runUntilIdle");
    try {
      this.#settle();
    } finally {
      this.#isRunning = false;
    }
  }

  /** Moves time on by `ms`, stopping at each timer on the way. */
  advance(ms: number): void {
    if (!(ms >= 0 && ms < Infinity)) {
      throw new FiberError({
        code: "DT_FIBER_ARGUMENT",
        argument: "ms",
        problem: `must be a finite number of at least 0, got ${ms}`,
      });
    }
    this.#enter("advance");
    const untilMs = this.#nowMs + ms;
    try {
      this.#settle();
      while (this.#stepTo(untilMs)) {
        this.#settle();
      }
      this.#nowMs = untilMs;
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * Moves from timer to timer until `condition` holds; it is asked each time nothing is left to
   * run. False when `maxMs` passed or no timer was left before it held.
   */
  runUntil(condition: () => boolean, maxMs: number): boolean {
    if (Number.isNaN(maxMs)) {
      const problem = "must be a number, got NaN";
      throw new FiberError({ code: "DT_FIBER_ARGUMENT", argument: "maxMs", problem });
    }
    this.#enter("runUntil");
    const untilMs = this.#nowMs + maxMs;
    try {
      this.#settle();
      while (!condition()) {
        if (!this.#stepTo(untilMs)) {
          return false;
        }
        this.#settle();
      }
      return true;
    } finally {
      this.#isRunning = false;
    }
  }

  #enter(method: string): void {
    if (this.#isRunning) {
      throw new FiberError({ code: "DT_FIBER_CLOCK_REENTRY", method });
    }
    this.#isRunning = true;
    this.#callbackCount = 0;
  }

  /** Sets the time of the next timer; false when there is none up to `untilMs`. */
  #stepTo(untilMs: number): boolean {
    const next = this.#timers.peek();
    if (next === undefined || next.atMs > untilMs) {
      return false;
    }
    this.#nowMs = next.atMs;
    this.#callbackCount = 0;
    return true;
  }

  #settle(): void {
    for (;;) {
      const due = this.#timers.popDue(this.#nowMs);
      const fn = due === undefined ? this.#deferred.shift() : due.fn;
      if (fn === undefined) {
        return;
      }
      this.#callbackCount += 1;
      if (this.#callbackCount > this.#maxCallbacksPerInstant) {
        throw new FiberError({
          code: "DT_FIBER_CLOCK_LIVELOCK",
          callbackCount: this.#callbackCount,
        });
      }
      fn();
    }
  }
}
