import { FiberError } from "./fiber-error.ts";
import { RingQueue } from "./ring-queue.ts";
import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";

/**
 * Gives the groups turns: each runs up to `resumesPerTurn` of its runnables in order, then the next
 * group that has some. A group with thousands of ready fibers delays another by one turn at most.
 */
export class GroupBudgetPolicy implements SchedulingPolicy {
  readonly #queues = new WeakMap<object, RingQueue<Runnable>>();
  /** Queues that hold something, in the order of their turns; the current one is not in it. */
  readonly #waiting = new RingQueue<RingQueue<Runnable>>();
  readonly #resumesPerTurn: number;
  #current: RingQueue<Runnable> | null = null;
  #left = 0;
  #size = 0;

  constructor(resumesPerTurn = 32) {
    if (!Number.isInteger(resumesPerTurn) || resumesPerTurn < 1) {
      const problem = `must be an integer of at least 1, got ${resumesPerTurn}`;
      throw new FiberError({ code: "DT_FIBER_ARGUMENT", argument: "resumesPerTurn", problem });
    }
    this.#resumesPerTurn = resumesPerTurn;
  }

  get size(): number {
    return this.#size;
  }

  push(runnable: Runnable): void {
    let queue = this.#queues.get(runnable.group);
    if (queue === undefined) {
      queue = new RingQueue<Runnable>();
      this.#queues.set(runnable.group, queue);
    }
    if (queue.size === 0 && queue !== this.#current) {
      this.#waiting.push(queue);
    }
    queue.push(runnable);
    this.#size += 1;
  }

  pop(): Runnable | null {
    if (this.#current === null || this.#left === 0 || this.#current.size === 0) {
      this.#changeTurn();
    }
    const runnable = this.#current?.shift() ?? null;
    if (runnable !== null) {
      this.#left -= 1;
      this.#size -= 1;
    }
    return runnable;
  }

  #changeTurn(): void {
    if (this.#current !== null && this.#current.size > 0) {
      this.#waiting.push(this.#current);
    }
    this.#current = this.#waiting.shift() ?? null;
    this.#left = this.#resumesPerTurn;
  }
}
