import { FiberError } from "./fiber-error.ts";
import { RingQueue } from "./ring-queue.ts";
import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";

/**
 * Runs the highest priority first, and in order within one. After `fairnessLimit` runs in a row
 * that passed over a lower priority, the lowest that waits gets one, so nothing starves.
 */
export class PriorityPolicy implements SchedulingPolicy {
  readonly #levels: readonly RingQueue<Runnable>[] = [
    new RingQueue(),
    new RingQueue(),
    new RingQueue(),
  ];
  readonly #fairnessLimit: number;
  #passedOverCount = 0;
  #size = 0;

  constructor(fairnessLimit = 64) {
    if (!Number.isInteger(fairnessLimit) || fairnessLimit < 1) {
      const problem = `must be an integer of at least 1, got ${fairnessLimit}`;
      throw new FiberError({ code: "DT_FIBER_ARGUMENT", argument: "fairnessLimit", problem });
    }
    this.#fairnessLimit = fairnessLimit;
  }

  get size(): number {
    return this.#size;
  }

  push(runnable: Runnable): void {
    this.#levels[runnable.priority]?.push(runnable);
    this.#size += 1;
  }

  pop(): Runnable | null {
    if (this.#size === 0) {
      return null;
    }
    this.#size -= 1;
    const isLowestTurn = this.#passedOverCount >= this.#fairnessLimit;
    const level = isLowestTurn ? this.#lowest() : this.#highest();
    const runnable = level?.shift() ?? null;
    const isOnlyLevel = level === undefined || level.size === this.#size;
    this.#passedOverCount = isLowestTurn || isOnlyLevel ? 0 : this.#passedOverCount + 1;
    return runnable;
  }

  #highest(): RingQueue<Runnable> | undefined {
    return this.#levels.find((level) => level.size > 0);
  }

  #lowest(): RingQueue<Runnable> | undefined {
    return this.#levels.findLast((level) => level.size > 0);
  }
}
