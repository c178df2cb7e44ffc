// Hot path: per fiber switch. Bench: bench/switch.bench.ts. No closures, no promises.
import type { BufferPool } from "./buffer-pool.ts";
import type { Clock } from "./clock.ts";
import { resolveDispatcherOptions } from "./dispatcher-options.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import { FiberError } from "./fiber-error.ts";
import { FiberGroup } from "./fiber-group.ts";
import type { FiberGroupOptions } from "./group-options.ts";
import { PerfKind } from "./perf-callback.ts";
import type { PerfCallback } from "./perf-callback.ts";
import { runningFiber, setRunningFiber } from "./running-fiber.ts";
import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";

/**
 * Runs the fibers of its groups on the thread that made it. When something becomes ready it asks
 * the clock for one turn; the turn runs whatever is ready, and becomes ready meanwhile, until
 * nothing is left or `turnBudget` runnables have run. Then timers and I/O get their chance.
 */
export class Dispatcher {
  readonly name: string;
  readonly clock: Clock;
  /** Where its fibers take working buffers from. */
  readonly buffers: BufferPool;
  readonly #policy: SchedulingPolicy;
  readonly #perf: PerfCallback | null;
  readonly #turnBudget: number;
  readonly #groups = new Set<FiberGroup>();
  readonly #onTurn = (): void => this.#runTurn();
  readonly #failures: Error[] = [];
  #isTurnAsked = false;
  #closing: Promise<void> | null = null;
  #onAllEnded: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    const resolved = resolveDispatcherOptions(options);
    this.name = resolved.name;
    this.clock = resolved.clock;
    this.buffers = resolved.buffers;
    this.#policy = resolved.policy;
    this.#perf = resolved.perf;
    this.#turnBudget = resolved.turnBudget;
  }

  /** The groups that have not ended. */
  get groups(): readonly FiberGroup[] {
    return [...this.#groups];
  }

  /** Makes a group. It lives until its shutdown is requested. */
  group(name: string, options: FiberGroupOptions = {}): FiberGroup {
    if (this.#closing !== null) {
      throw new FiberError({ code: "DT_FIBER_DISPATCHER_CLOSED", dispatcher: this.name });
    }
    const group = new FiberGroup(this, name, options);
    this.#groups.add(group);
    return group;
  }

  /**
   * Requests the shutdown of all groups; resolves when they have ended, rejects with what made
   * one fail (an AggregateError for several).
   */
  close(): Promise<void> {
    if (this.#closing === null) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#closing = promise;
      this.#onAllEnded = (): void => {
        const failures = this.#failures;
        if (failures.length === 0) {
          resolve();
        } else {
          reject(failures.length === 1 ? failures[0] : new AggregateError(failures));
        }
      };
      for (const group of this.groups) {
        group.requestShutdown();
      }
      this.#settleClosing();
    }
    return this.#closing;
  }

  /** For fibers and groups: `runnable` can go on. */
  enqueue(runnable: Runnable): void {
    this.#policy.push(runnable);
    if (!this.#isTurnAsked) {
      this.#isTurnAsked = true;
      this.clock.defer(this.#onTurn);
    }
  }

  /** For groups: this one has ended, by `failure` unless it is null. */
  removeEnded(group: FiberGroup, failure: Error | null, isFailureSeen: boolean): void {
    this.#groups.delete(group);
    if (failure !== null && this.#closing !== null) {
      this.#failures.push(failure);
    } else if (failure !== null && !isFailureSeen) {
      // Nobody looks at the group's end: fail as loudly as an error in any other callback.
      this.clock.defer(() => {
        throw failure;
      });
    }
    this.#settleClosing();
  }

  #settleClosing(): void {
    if (this.#groups.size === 0) {
      this.#onAllEnded?.();
    }
  }

  #runTurn(): void {
    const outerFiber = runningFiber;
    const perf = this.#perf;
    try {
      if (perf === null) {
        this.#runReady();
      } else {
        this.#runMeasured(perf);
      }
    } finally {
      setRunningFiber(outerFiber);
      this.#isTurnAsked = this.#policy.size > 0;
      if (this.#isTurnAsked) {
        this.clock.defer(this.#onTurn);
      }
    }
  }

  #runReady(): void {
    for (let left = this.#turnBudget; left > 0; left--) {
      const runnable = this.#policy.pop();
      if (runnable === null) {
        break;
      }
      runnable.run();
    }
  }

  #runMeasured(perf: PerfCallback): void {
    perf.onEvent(PerfKind.readyCount, this.#policy.size);
    perf.onStart(PerfKind.turn);
    let count = 0;
    for (; count < this.#turnBudget; count++) {
      const runnable = this.#policy.pop();
      if (runnable === null) {
        break;
      }
      perf.onStart(PerfKind.resume);
      runnable.run();
      perf.onEnd(PerfKind.resume, 1);
    }
    perf.onEnd(PerfKind.turn, count);
  }
}
