import type { Clock } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { FiberError } from "./fiber-error.ts";
import { FiberFuture } from "./fiber-future.ts";
import { Fiber } from "./fiber.ts";
import type { FiberOptions } from "./fiber-options.ts";
import type { GroupDump } from "./group-dump.ts";
import { resolveGroupOptions } from "./group-options.ts";
import type { FiberGroupOptions, ResolvedGroupOptions } from "./group-options.ts";
import type { FiberGen } from "./fiber-gen.ts";
import { TaskQueue } from "./task-queue.ts";
import { uncaughtError } from "./uncaught-error.ts";
import { fiberFrames } from "./virtual-stack.ts";
import { WaitList } from "./wait-list.ts";

const RUNNING = 0;
/** Shutdown was requested. */
const STOPPING = 1;
/** Only daemons are left, and they are being ended. */
const ENDING = 2;
const ENDED = 3;
const STAGE_NAMES = ["running", "stopping", "ending", "ended"] as const;

/**
 * Fibers that belong together and share state: only they, and the tasks posted to the group, touch
 * it, one at a time. Made by `Dispatcher.group`.
 */
export class FiberGroup {
  readonly name: string;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /**
   * Completes when the group has ended; fails with the error that nobody handled, an
   * AggregateError for several.
   */
  readonly shutdownFuture: FiberFuture<void>;
  /** For sleepUntilShutdown: fibers to wake when the shutdown is requested. */
  readonly shutdownWaiters = new WaitList();
  readonly #options: ResolvedGroupOptions;
  readonly #fibers = new Set<Fiber>();
  readonly #tasks: TaskQueue;
  readonly #failures: FiberError[] = [];
  #userFiberCount = 0;
  #stage: number = RUNNING;

  constructor(dispatcher: Dispatcher, name: string, options: FiberGroupOptions) {
    this.name = name;
    this.dispatcher = dispatcher;
    this.clock = dispatcher.clock;
    this.shutdownFuture = new FiberFuture<void>(`end of group ${name}`);
    this.#options = resolveGroupOptions(options);
    this.#tasks = new TaskQueue(this, this.#options.priority);
  }

  /** True from the request of the shutdown on. */
  get isShutdown(): boolean {
    return this.#stage >= STOPPING;
  }

  /** True while the daemons are being ended, and after. */
  get isEnding(): boolean {
    return this.#stage >= ENDING;
  }

  get isEnded(): boolean {
    return this.#stage === ENDED;
  }

  /** Starts a fiber; it first runs in a later turn. Throws DT_FIBER_GROUP_ENDED. */
  start<T>(name: string, body: () => FiberGen<T>, options: FiberOptions = {}): Fiber<T> {
    this.#refuseEnded();
    const isDaemon = options.daemon ?? false;
    const priority = options.priority ?? this.#options.priority;
    if (priority !== 0 && priority !== 1 && priority !== 2) {
      const problem = `must be 0, 1 or 2, got ${String(priority)}`;
      throw new FiberError({ code: "DT_FIBER_ARGUMENT", argument: "priority", problem });
    }
    const fiber = new Fiber<T>(this, name, body, isDaemon, priority);
    this.#fibers.add(fiber);
    if (!isDaemon) {
      this.#userFiberCount += 1;
    }
    this.dispatcher.enqueue(fiber);
    return fiber;
  }

  /**
   * Starts a fiber for a caller outside of fibers. What it returns or throws goes to the promise
   * and nowhere else; a group that has ended rejects with DT_FIBER_GROUP_ENDED.
   */
  run<T>(name: string, body: () => FiberGen<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.start(name, body).result.listen({ onValue: resolve, onError: reject });
    });
  }

  /**
   * Queues a function to be run between the group's fibers. It will run: the group does not end
   * before. Throws DT_FIBER_GROUP_ENDED or DT_FIBER_TASKS_FULL when it will not.
   */
  post(task: () => void): void {
    this.#refuseEnded();
    if (this.#tasks.size >= this.#options.maxQueuedTasks) {
      throw new FiberError({
        code: "DT_FIBER_TASKS_FULL",
        group: this.name,
        limit: this.#options.maxQueuedTasks,
      });
    }
    this.#tasks.push(task);
  }

  /**
   * Asks the fibers to come to an end: wakes those in `sleepUntilShutdown`. The group ends when
   * all fibers but daemons have ended and no task is queued.
   */
  requestShutdown(): void {
    if (this.#stage !== RUNNING) {
      return;
    }
    this.#stage = STOPPING;
    const waiters = this.shutdownWaiters;
    for (let node = waiters.head; node !== null; node = waiters.head) {
      node.parking.wake(true);
    }
    this.endIfDone();
  }

  /** Every fiber that has not ended, and what it waits for. */
  dump(): GroupDump {
    const fibers = [];
    for (const { name, isDaemon, state, waitingFor } of this.#fibers) {
      fibers.push({ name, isDaemon, state, waitingFor });
    }
    return {
      name: this.name,
      stage: STAGE_NAMES[this.#stage] ?? "ended",
      queuedTaskCount: this.#tasks.size,
      fibers,
    };
  }

  /** For fibers: one has ended. */
  removeEnded(fiber: Fiber): void {
    if (this.#fibers.delete(fiber) && !fiber.isDaemon) {
      this.#userFiberCount -= 1;
    }
    this.endIfDone();
  }

  /** For the task queue: a posted function threw. */
  reportTaskError(error: unknown): void {
    this.reportUncaught(uncaughtError(this.name, "(task)", fiberFrames(error), error));
  }

  /** For fibers: an error nobody caught. */
  reportUncaught(error: FiberError): void {
    const onError = this.#options.onError;
    if (onError === null) {
      this.#failures.push(error);
      this.requestShutdown();
      return;
    }
    try {
      onError(error, this);
    } catch (thrown) {
      this.#failures.push(error);
      if (thrown !== error) {
        this.#failures.push(uncaughtError(this.name, "(onError)", fiberFrames(thrown), thrown));
      }
      this.requestShutdown();
    }
  }

  /** For fibers and tasks: takes the next step towards the end if it is due. */
  endIfDone(): void {
    if (this.#stage === STOPPING && this.#userFiberCount === 0 && this.#tasks.isIdle) {
      this.#stage = ENDING;
      for (const fiber of this.#fibers) {
        fiber.cancel();
      }
    }
    if (this.#stage === ENDING && this.#fibers.size === 0 && this.#tasks.isIdle) {
      this.#end();
    }
  }

  #end(): void {
    this.#stage = ENDED;
    const failure = this.#failure();
    const isFailureSeen = this.shutdownFuture.isObserved;
    if (failure === null) {
      this.shutdownFuture.complete();
    } else {
      this.shutdownFuture.fail(failure);
    }
    this.dispatcher.removeEnded(this, failure, isFailureSeen);
  }

  /** What made the group fail: null, the one error nobody handled, or all of them. */
  #failure(): Error | null {
    const first = this.#failures[0];
    if (first === undefined || this.#failures.length === 1) {
      return first ?? null;
    }
    return new AggregateError(this.#failures, `several uncaught errors in group ${this.name}`);
  }

  #refuseEnded(): void {
    if (this.#stage === ENDED) {
      throw new FiberError({ code: "DT_FIBER_GROUP_ENDED", group: this.name });
    }
  }
}
