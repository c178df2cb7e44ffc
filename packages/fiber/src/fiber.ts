// Hot path: per fiber switch. Bench: bench/switch.bench.ts. No closures, no promises.
import type { Clock } from "./clock.ts";
import { FiberError } from "./fiber-error.ts";
import { FiberFuture } from "./fiber-future.ts";
import type { FiberGroup } from "./fiber-group.ts";
import { Parking } from "./parking.ts";
import type { FiberGen, FiberOp, FiberWait } from "./fiber-gen.ts";
import { runningFiber, setRunningFiber } from "./running-fiber.ts";
import type { Runnable } from "./scheduling-policy.ts";
import { uncaughtError } from "./uncaught-error.ts";
import { fiberFrames } from "./virtual-stack.ts";

export type FiberState = "ready" | "running" | "waiting" | "ended";

/**
 * One line of execution: a generator that runs until it waits, and is resumed by its dispatcher.
 * Made by `FiberGroup.start`.
 */
export class Fiber<T = unknown> implements Runnable {
  readonly name: string;
  readonly group: FiberGroup;
  readonly isDaemon: boolean;
  readonly priority: number;
  /** The return value of the body, or the error that ended it. */
  readonly result: FiberFuture<T>;
  /** For the primitives: the one wait this fiber can be in. */
  readonly parking: Parking;
  readonly #body: () => FiberGen<T>;
  #gen: FiberGen<T> | null;
  #state: FiberState;
  #isInterruptPending: boolean;
  #interruptReason: unknown;
  #thrownInterrupt: FiberError | null;
  #isCancelled: boolean;
  #resumesByReturn: boolean;
  #rethrownError: unknown;
  #rethrownFrames: string;
  readonly #heldLocks: string[];

  constructor(
    group: FiberGroup,
    name: string,
    body: () => FiberGen<T>,
    isDaemon: boolean,
    priority: number,
  ) {
    this.name = name;
    this.group = group;
    this.isDaemon = isDaemon;
    this.priority = priority;
    this.result = new FiberFuture<T>(`result of fiber ${name}`);
    this.parking = new Parking(this);
    this.#body = body;
    this.#gen = null;
    this.#state = "ready";
    this.#isInterruptPending = false;
    this.#interruptReason = undefined;
    this.#thrownInterrupt = null;
    this.#isCancelled = false;
    this.#resumesByReturn = false;
    this.#rethrownError = null;
    this.#rethrownFrames = "";
    this.#heldLocks = [];
  }

  get state(): FiberState {
    return this.#state;
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** What this fiber waits for, in words; null when it does not wait. */
  get waitingFor(): string | null {
    return this.parking.describe();
  }

  get clock(): Clock {
    return this.group.clock;
  }

  get hasPendingInterrupt(): boolean {
    return this.#isInterruptPending;
  }

  /** For the parking: a daemon of an ending group is unwound where it waits next. */
  get isToBeCancelled(): boolean {
    return this.isDaemon && !this.#isCancelled && this.group.isEnding;
  }

  /** Waits until this fiber has ended; returns its value or throws its error. */
  join(timeoutMs: number = Infinity): FiberOp<T> {
    if (runningFiber === this) {
      throw new FiberError({
        code: "DT_FIBER_ARGUMENT",
        argument: "fiber",
        problem: `fiber ${this.name} cannot wait for its own end`,
      });
    }
    return this.result.wait(timeoutMs);
  }

  /**
   * Throws DT_FIBER_INTERRUPTED, with `reason` as its cause, in the wait this fiber is in, or, when
   * it does not wait, in the next one it begins. A wake-up already under way is not taken back.
   * False when the fiber has ended.
   */
  interrupt(reason?: unknown): boolean {
    if (this.#state === "ended") {
      return false;
    }
    this.#isInterruptPending = true;
    this.#interruptReason = reason;
    if (this.parking.isParked) {
      this.parking.wakeInterrupted();
    }
    return true;
  }

  /** For the dispatcher: runs this fiber until it waits or ends. */
  run(): void {
    this.#state = "running";
    setRunningFiber(this);
    let value: T;
    try {
      const gen = this.#gen;
      let step = gen === null || this.#resumesByReturn ? this.#firstOrLast() : gen.next();
      while (step.done !== true) {
        if (step.value !== this.parking) {
          const fault = { code: "DT_FIBER_BAD_YIELD", fiber: this.name } as const;
          step = this.#generator().throw(new FiberError(fault));
        } else if (!this.parking.isParked) {
          // yieldNow: queued again already.
          return;
        } else if (this.isToBeCancelled) {
          this.parking.abandon();
          step = this.#unwind(this.#generator());
        } else {
          this.#state = "waiting";
          return;
        }
      }
      value = step.value;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#end(value);
  }

  /** For the parking: the wait is over, the fiber can go on. */
  makeReady(): void {
    this.#state = "ready";
    this.group.dispatcher.enqueue(this);
  }

  /** For the group: unwinds this daemon through its finally blocks when it waits, or will wait. */
  cancel(): void {
    if (this.parking.isParked) {
      this.#resumesByReturn = true;
      this.parking.abandon();
      this.makeReady();
    }
  }

  /** For the parking: the error of an interrupt, made where the fiber stands. */
  takeInterrupt(): FiberError {
    const cause = this.#interruptReason;
    this.#isInterruptPending = false;
    this.#interruptReason = undefined;
    const error = new FiberError(
      { code: "DT_FIBER_INTERRUPTED", fiber: this.name, group: this.group.name },
      cause === undefined ? undefined : { cause },
    );
    this.#thrownInterrupt = error;
    return error;
  }

  /** For the parking: an error made elsewhere is about to be thrown in this fiber. */
  noteRethrow(error: unknown, frames: string): void {
    this.#rethrownError = error;
    this.#rethrownFrames = frames;
  }

  /** For the locks: a fiber must not end holding one. */
  noteLockHeld(lock: string): void {
    this.#heldLocks.push(lock);
  }

  noteLockReleased(lock: string): void {
    const index = this.#heldLocks.lastIndexOf(lock);
    if (index >= 0) {
      this.#heldLocks.splice(index, 1);
    }
  }

  /** A step that is not the plain continuation: the start of the body, or its unwinding. */
  #firstOrLast(): IteratorResult<FiberWait, T> {
    const gen = this.#generator();
    if (!this.#resumesByReturn) {
      return gen.next();
    }
    this.#resumesByReturn = false;
    return this.#unwind(gen);
  }

  /** Runs the finally blocks of the body; what they return is of no interest. */
  #unwind(gen: FiberGen<T>): IteratorResult<FiberWait, T> {
    this.#isCancelled = true;
    return gen.return(undefined as T);
  }

  #generator(): FiberGen<T> {
    // Called without `this`: stack traces then show the body under its own name.
    const body = this.#body;
    this.#gen ??= body();
    return this.#gen;
  }

  #end(value: T): void {
    if (!this.parking.isIdle) {
      this.#fail(this.parking.unusedError());
      return;
    }
    this.#state = "ended";
    setRunningFiber(null);
    try {
      if (this.#isCancelled) {
        const { name, group } = this;
        const fault = { code: "DT_FIBER_CANCELLED", fiber: name, group: group.name } as const;
        this.result.fail(new FiberError(fault));
      } else {
        this.result.complete(value);
      }
    } finally {
      this.#leaveGroup();
    }
  }

  #fail(error: unknown): void {
    this.parking.abandon();
    this.#state = "ended";
    setRunningFiber(null);
    // Whoever waits for the result gets the error; with nobody there it is the group's.
    const isHandled = error === this.#thrownInterrupt || this.result.isObserved;
    try {
      this.result.fail(error);
      if (!isHandled) {
        this.group.reportUncaught(this.#uncaught(error));
      }
    } finally {
      this.#leaveGroup();
    }
  }

  #leaveGroup(): void {
    const lock = this.#heldLocks[0];
    if (lock !== undefined) {
      const problem = `fiber ${this.name} ended without releasing it`;
      this.group.reportUncaught(
        this.#uncaught(new FiberError({ code: "DT_FIBER_LOCK_MISUSE", lock, problem })),
      );
    }
    this.group.removeEnded(this);
  }

  #uncaught(error: unknown): FiberError {
    const thrownFrames =
      error === this.#rethrownError && this.#rethrownFrames !== ""
        ? this.#rethrownFrames
        : fiberFrames(error);
    return uncaughtError(this.group.name, this.name, thrownFrames, error);
  }
}

/** `yield* join(fiber)` is `yield* fiber.join()`. */
export function join<T>(fiber: Fiber<T>, timeoutMs: number = Infinity): FiberOp<T> {
  return fiber.join(timeoutMs);
}
