import { FiberError } from "./fiber-error.ts";
import { beginWait } from "./begin-wait.ts";
import { THROW_ON_TIMEOUT } from "./parking.ts";
import type { FiberOp, FiberWait } from "./fiber-gen.ts";
import { WaitList } from "./wait-list.ts";
import type { WaitTarget } from "./wait-list.ts";

/** Called once with the outcome of a future. Must not throw. */
export interface FutureListener<T> {
  onValue(value: T): void;
  onError(error: unknown): void;
}

const PENDING = 0;
const COMPLETED = 1;
const FAILED = 2;

/**
 * A value, or an error, that will be there later. Any code of the thread may complete it; the
 * fibers that wait for it become ready, each in its own group and dispatcher, and run after the
 * code that completed it has returned or waits.
 */
export class FiberFuture<T> implements WaitTarget {
  readonly name: string;
  readonly #waiters = new WaitList();
  #listeners: FutureListener<T>[] | null = null;
  #state = PENDING;
  #value: T | undefined = undefined;
  #error: unknown = undefined;

  constructor(name = "unnamed") {
    this.name = name;
  }

  /** True once completed or failed. */
  get isDone(): boolean {
    return this.#state !== PENDING;
  }

  get isFailed(): boolean {
    return this.#state === FAILED;
  }

  /** True while a fiber waits for it or a listener is attached. */
  get isObserved(): boolean {
    return !this.#waiters.isEmpty || this.#listeners !== null;
  }

  /** Sets the value. Throws DT_FIBER_FUTURE_COMPLETED the second time. */
  complete(value: T): void {
    if (!this.tryComplete(value)) {
      throw new FiberError({ code: "DT_FIBER_FUTURE_COMPLETED", future: this.name });
    }
  }

  /** Sets the error its waiters will throw. Throws DT_FIBER_FUTURE_COMPLETED the second time. */
  fail(error: unknown): void {
    if (!this.tryFail(error)) {
      throw new FiberError({ code: "DT_FIBER_FUTURE_COMPLETED", future: this.name });
    }
  }

  /** Like `complete`, but false instead of an error when it was done before. */
  tryComplete(value: T): boolean {
    if (this.#state !== PENDING) {
      return false;
    }
    this.#state = COMPLETED;
    this.#value = value;
    for (let node = this.#waiters.head; node !== null; node = this.#waiters.head) {
      node.parking.wake(value);
    }
    this.#notifyListeners();
    return true;
  }

  /** Like `fail`, but false instead of an error when it was done before. */
  tryFail(error: unknown): boolean {
    if (this.#state !== PENDING) {
      return false;
    }
    this.#state = FAILED;
    this.#error = error;
    for (let node = this.#waiters.head; node !== null; node = this.#waiters.head) {
      node.parking.wakeWithError(error);
    }
    this.#notifyListeners();
    return true;
  }

  /**
   * Waits for the outcome: returns the value or throws the error. Throws DT_FIBER_TIMEOUT when
   * `timeoutMs` pass first; the future itself goes on.
   */
  wait(timeoutMs: number = Infinity): FiberOp<T> {
    const wait = beginWait<T>(this, THROW_ON_TIMEOUT, timeoutMs);
    if (this.#state === COMPLETED) {
      wait.wake(this.#value);
    } else if (this.#state === FAILED) {
      wait.wakeWithError(this.#error);
    } else {
      wait.enlist(this.#waiters, undefined);
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /** `yield* future` is `yield* future.wait()`. */
  [Symbol.iterator](): Iterator<FiberWait, T, unknown> {
    return this.wait()[Symbol.iterator]();
  }

  /** Calls `listener` when done, at once if it is done already. */
  listen(listener: FutureListener<T>): void {
    if (this.#state === PENDING) {
      this.#listeners ??= [];
      this.#listeners.push(listener);
    } else {
      this.#notify(listener);
    }
  }

  describeWait(): string {
    return `future ${this.name}`;
  }

  #notifyListeners(): void {
    const listeners = this.#listeners;
    this.#listeners = null;
    if (listeners !== null) {
      for (const listener of listeners) {
        this.#notify(listener);
      }
    }
  }

  #notify(listener: FutureListener<T>): void {
    if (this.#state === FAILED) {
      listener.onError(this.#error);
    } else {
      // Only tryComplete leads here, and it has stored a T.
      listener.onValue(this.#value as T);
    }
  }
}
