import { beginWait } from "./begin-wait.ts";
import { FiberError } from "./fiber-error.ts";
import type { FiberGen, FiberOp } from "./fiber-gen.ts";
import type { Fiber } from "./fiber.ts";
import { requireFiber } from "./running-fiber.ts";
import { WaitList } from "./wait-list.ts";
import type { WaitTarget } from "./wait-list.ts";

/**
 * Keeps a piece of work that waits in the middle from being entered twice. Fair: the lock is
 * handed over in the order in which fibers asked. Not reentrant.
 */
export class FiberLock implements WaitTarget {
  readonly name: string;
  readonly #waiters = new WaitList();
  #owner: Fiber | null = null;

  constructor(name = "unnamed") {
    this.name = name;
  }

  get isHeld(): boolean {
    return this.#owner !== null;
  }

  /** Waits for the lock: true when it is held, false when `timeoutMs` passed first. */
  acquire(timeoutMs: number = Infinity): FiberOp<boolean> {
    const wait = beginWait<boolean>(this, false, timeoutMs);
    if (this.#owner === wait.fiber) {
      wait.abandon();
      this.#refuse(`fiber ${wait.fiber.name} holds it already`);
    }
    if (this.#owner === null) {
      this.#grant(wait.fiber);
      wait.wake(true);
    } else {
      wait.enlist(this.#waiters, undefined);
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /** Takes the lock if it is free; false when it is not. */
  tryAcquire(): boolean {
    const fiber = requireFiber(`taking lock ${this.name}`);
    if (this.#owner !== null) {
      return false;
    }
    this.#grant(fiber);
    return true;
  }

  /** Hands the lock to the fiber that has waited longest. Only its holder may call this. */
  release(): void {
    const fiber = requireFiber(`releasing lock ${this.name}`);
    if (this.#owner !== fiber) {
      this.#refuse(`fiber ${fiber.name} released it without holding it`);
    }
    fiber.noteLockReleased(this.name);
    this.#owner = null;
    const next = this.#waiters.head;
    if (next !== null) {
      this.#grant(next.parking.fiber);
      next.parking.wake(true);
    }
  }

  /** Runs `body` while holding the lock. */
  *hold<T>(body: () => FiberGen<T>): FiberGen<T> {
    yield* this.acquire();
    try {
      return yield* body();
    } finally {
      this.release();
    }
  }

  describeWait(): string {
    return `lock ${this.name} held by ${this.#owner?.name ?? "nobody"}`;
  }

  #grant(fiber: Fiber): void {
    this.#owner = fiber;
    fiber.noteLockHeld(this.name);
  }

  #refuse(problem: string): never {
    throw new FiberError({ code: "DT_FIBER_LOCK_MISUSE", lock: this.name, problem });
  }
}
