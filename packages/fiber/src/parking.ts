// Hot path: per park and wake. Bench: bench/switch.bench.ts. No closures, no promises.
import type { TimerHandle } from "./clock.ts";
import { FiberError } from "./fiber-error.ts";
import type { FiberWait } from "./fiber-gen.ts";
import type { Fiber } from "./fiber.ts";
import { runningFiber } from "./running-fiber.ts";
import { currentFrames } from "./virtual-stack.ts";
import { WaitNode } from "./wait-list.ts";
import type { WaitList, WaitTarget } from "./wait-list.ts";

/** Computes the result of a wait when its fiber is resumed, not when it is woken. */
export interface WaitFinisher {
  finishWait(): unknown;
}

/** Nothing is waited for. */
const IDLE = 0;
/** A primitive has registered the wait; `yield*` has not taken it up yet. */
const ARMED = 1;
/** Like ARMED, but the fiber only lets others run. */
const YIELDING = 2;
/** The fiber is suspended in it. */
const PARKED = 3;
/** The outcome is known and not handed over yet. */
const SETTLED = 4;

/** As `onTimeout`: the wait throws DT_FIBER_TIMEOUT. */
export const THROW_ON_TIMEOUT: unique symbol = Symbol("throw on timeout");

const RETURNED = 0;
const FAILED = 1;
const TIMED_OUT = 2;
const INTERRUPTED = 3;

/**
 * The one wait a fiber can be in. It is the iterator behind `yield*` too, so parking on a list
 * allocates nothing: node, outcome and result objects belong to the fiber for life.
 */
export class Parking<T = unknown> implements Iterator<FiberWait, T, unknown> {
  readonly fiber: Fiber;
  readonly #pendingResult: { done: false; value: FiberWait };
  readonly #doneResult: { done: true; value: T };
  readonly #node: WaitNode;
  /** Nodes after the first one, for a wait on several lists; filled on first use. */
  readonly #moreNodes: WaitNode[];
  #phase: number;
  #outcome: number;
  #value: unknown;
  #target: WaitTarget | null;
  #finisher: WaitFinisher | null;
  #onTimeout: unknown;
  #timeoutMs: number;
  #timer: TimerHandle | null;
  #onTimer: (() => void) | null;
  #nodeCount: number;

  constructor(fiber: Fiber) {
    this.fiber = fiber;
    this.#pendingResult = { done: false, value: this };
    // The value is set before the object is handed out; see next().
    this.#doneResult = { done: true, value: undefined as T };
    this.#node = new WaitNode(this);
    this.#moreNodes = [];
    this.#phase = IDLE;
    this.#outcome = RETURNED;
    this.#value = undefined;
    this.#target = null;
    this.#finisher = null;
    this.#onTimeout = undefined;
    this.#timeoutMs = Infinity;
    this.#timer = null;
    this.#onTimer = null;
    this.#nodeCount = 0;
  }

  [Symbol.iterator](): Iterator<FiberWait, T, unknown> {
    return this;
  }

  get isParked(): boolean {
    return this.#phase === PARKED;
  }

  get isIdle(): boolean {
    return this.#phase === IDLE;
  }

  /** What the fiber waits for now, in words; null when it does not wait. */
  describe(): string | null {
    return this.#phase === PARKED && this.#target !== null ? this.#target.describeWait() : null;
  }

  /** Taken up by `yield*`: first to suspend, then, resumed, to hand over the outcome. */
  next(): IteratorResult<FiberWait, T> {
    const isOwn = runningFiber === this.fiber;
    if (isOwn && this.#phase === ARMED) {
      this.#phase = PARKED;
      return this.#pendingResult;
    }
    if (isOwn && this.#phase === YIELDING) {
      return this.#yieldTurn();
    }
    if (!isOwn || this.#phase !== SETTLED) {
      throw new FiberError({ code: "DT_FIBER_BAD_YIELD", fiber: this.fiber.name });
    }
    this.#phase = IDLE;
    let value = this.#value;
    this.#value = undefined;
    if (this.#outcome !== RETURNED) {
      this.#throwOutcome(value);
    }
    if (this.#finisher !== null) {
      value = this.#finisher.finishWait();
    }
    const result = this.#doneResult;
    // beginWait() fixed T; what wakes the wait hands over a value of that type.
    result.value = value as T;
    return result;
  }

  /** Starts a wait. An interrupt that came while the fiber did not wait is thrown here. */
  arm(target: WaitTarget, onTimeout: unknown): void {
    if (this.#phase !== IDLE) {
      this.#refuseUnused();
    }
    if (this.fiber.hasPendingInterrupt) {
      throw this.fiber.takeInterrupt();
    }
    this.#phase = ARMED;
    this.#outcome = RETURNED;
    this.#target = target;
    this.#finisher = null;
    this.#onTimeout = onTimeout;
  }

  /** Queues this wait in `list`; the node's payload is `payload`. */
  enlist(list: WaitList, payload: unknown): void {
    const count = this.#nodeCount;
    let node = this.#node;
    if (count > 0) {
      node = this.#moreNodes[count - 1] ?? new WaitNode(this);
      this.#moreNodes[count - 1] = node;
    }
    this.#nodeCount = count + 1;
    node.payload = payload;
    list.append(node);
  }

  finishWith(finisher: WaitFinisher): void {
    this.#finisher = finisher;
  }

  /** Ends the wait by itself after `timeoutMs`; Infinity means never, 0 at the next timer tick. */
  limit(timeoutMs: number): void {
    if (timeoutMs !== Infinity) {
      this.#startTimer(timeoutMs);
    }
  }

  /** Ends the wait as soon as everything that is ready now has run. */
  requeue(): void {
    this.#phase = YIELDING;
  }

  /** Ends the wait with a value. */
  wake(value: unknown): void {
    this.#settle(RETURNED, value);
  }

  /** Ends the wait by throwing `error` in the fiber. */
  wakeWithError(error: unknown): void {
    this.#settle(FAILED, error);
  }

  /** Ends the wait of a parked fiber by throwing DT_FIBER_INTERRUPTED in it. */
  wakeInterrupted(): void {
    const list = this.#node.list;
    this.#settle(INTERRUPTED, undefined);
    list?.noteLeft();
  }

  /** Forgets the wait; the fiber will be resumed by other means or has ended. */
  abandon(): void {
    const list = this.#node.list;
    this.#detach();
    this.#phase = IDLE;
    this.#value = undefined;
    list?.noteLeft();
  }

  /** A fiber ended, or waits anew, although a wait it began was never given to `yield*`. */
  unusedError(): FiberError {
    const waitingFor = this.#target?.describeWait() ?? "nothing";
    return new FiberError({
      code: "DT_FIBER_WAIT_UNUSED",
      fiber: this.fiber.name,
      waitingFor,
    });
  }

  #startTimer(timeoutMs: number): void {
    const clock = this.fiber.clock;
    this.#timeoutMs = timeoutMs;
    this.#onTimer ??= () => this.#expire();
    this.#timer = clock.setTimer(clock.nowMs() + timeoutMs, this.#onTimer);
  }

  #yieldTurn(): IteratorResult<FiberWait, T> {
    if (this.fiber.isToBeCancelled) {
      // Stays parked and out of the run queue, for the fiber to find and unwind.
      this.#phase = PARKED;
    } else {
      this.#phase = SETTLED;
      this.fiber.makeReady();
    }
    return this.#pendingResult;
  }

  #refuseUnused(): never {
    const error = this.unusedError();
    this.abandon();
    throw error;
  }

  #expire(): void {
    const list = this.#node.list;
    this.#timer = null;
    if (this.#onTimeout === THROW_ON_TIMEOUT) {
      this.#settle(TIMED_OUT, undefined);
    } else {
      this.#settle(RETURNED, this.#onTimeout);
    }
    list?.noteLeft();
  }

  #settle(outcome: number, value: unknown): void {
    this.#detach();
    this.#outcome = outcome;
    this.#value = value;
    const wasParked = this.#phase === PARKED;
    this.#phase = SETTLED;
    // Armed but not parked: the fiber is running and will find the outcome at its yield*.
    if (wasParked) {
      this.fiber.makeReady();
    }
  }

  #detach(): void {
    if (this.#timer !== null) {
      this.fiber.clock.clearTimer(this.#timer);
      this.#timer = null;
    }
    if (this.#nodeCount > 0) {
      this.#node.list?.remove(this.#node);
      for (let i = 0; i < this.#nodeCount - 1; i++) {
        const more = this.#moreNodes[i];
        more?.list?.remove(more);
      }
      this.#nodeCount = 0;
    }
  }

  /** Errors are made here, inside the fiber, so that their stack is the fiber's own. */
  #throwOutcome(value: unknown): never {
    if (this.#outcome === INTERRUPTED) {
      throw this.fiber.takeInterrupt();
    }
    if (this.#outcome === TIMED_OUT) {
      throw new FiberError({
        code: "DT_FIBER_TIMEOUT",
        waitingFor: this.#target?.describeWait() ?? "nothing",
        timeoutMs: this.#timeoutMs,
      });
    }
    this.fiber.noteRethrow(value, currentFrames());
    throw value;
  }
}
