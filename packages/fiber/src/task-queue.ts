import type { FiberGroup } from "./fiber-group.ts";
import { RingQueue } from "./ring-queue.ts";
import { setRunningFiber } from "./running-fiber.ts";
import type { Runnable } from "./scheduling-policy.ts";

/** Tasks run before other runnables get their chance. */
const TASKS_PER_RESUME = 1000;

/** The plain functions handed to a group from outside. They run in order, each to its end. */
export class TaskQueue implements Runnable {
  readonly name = "tasks";
  readonly group: FiberGroup;
  readonly priority: number;
  readonly #tasks = new RingQueue<() => void>();
  #isRunning = false;
  #isQueued = false;

  constructor(group: FiberGroup, priority: number) {
    this.group = group;
    this.priority = priority;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** True when no task waits and none is running. */
  get isIdle(): boolean {
    return this.#tasks.size === 0 && !this.#isRunning;
  }

  push(task: () => void): void {
    this.#tasks.push(task);
    this.#enqueue();
  }

  /** For the dispatcher: runs the tasks that are queued now, but not those they post. */
  run(): void {
    this.#isQueued = false;
    this.#isRunning = true;
    setRunningFiber(null);
    for (let left = Math.min(this.#tasks.size, TASKS_PER_RESUME); left > 0; left--) {
      const task = this.#tasks.shift();
      try {
        task?.();
      } catch (error) {
        this.group.reportTaskError(error);
      }
    }
    this.#isRunning = false;
    if (this.#tasks.size > 0) {
      this.#enqueue();
    }
    this.group.endIfDone();
  }

  #enqueue(): void {
    if (!this.#isQueued && !this.#isRunning) {
      this.#isQueued = true;
      this.group.dispatcher.enqueue(this);
    }
  }
}
