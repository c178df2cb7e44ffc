import { beginWait } from "./begin-wait.ts";
import { FiberError } from "./fiber-error.ts";
import type { FiberOp } from "./fiber-gen.ts";
import type { Fiber } from "./fiber.ts";
import { requireFiber } from "./running-fiber.ts";
import { WaitList } from "./wait-list.ts";
import type { WaitTarget } from "./wait-list.ts";

const READ = "read";
const WRITE = "write";

/**
 * Many readers or one writer. Fair: requests are granted in the order they came, so neither side
 * starves; readers next to each other in the queue go in together. Not reentrant, no upgrade.
 */
export class FiberReadWriteLock implements WaitTarget {
  readonly name: string;
  readonly #waiters = new WaitList(() => this.#grantWaiting());
  readonly #readers = new Set<Fiber>();
  #writer: Fiber | null = null;

  constructor(name = "unnamed") {
    this.name = name;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  get isWriteHeld(): boolean {
    return this.#writer !== null;
  }

  /** Waits for a share of the lock; false when `timeoutMs` passed first. */
  acquireRead(timeoutMs: number = Infinity): FiberOp<boolean> {
    return this.#acquire(READ, timeoutMs);
  }

  /** Waits for the lock alone; false when `timeoutMs` passed first. */
  acquireWrite(timeoutMs: number = Infinity): FiberOp<boolean> {
    return this.#acquire(WRITE, timeoutMs);
  }

  releaseRead(): void {
    const fiber = requireFiber(`releasing lock ${this.name}`);
    if (!this.#readers.delete(fiber)) {
      this.#refuse(`fiber ${fiber.name} released a read it does not hold`);
    }
    fiber.noteLockReleased(this.name);
    this.#grantWaiting();
  }

  releaseWrite(): void {
    const fiber = requireFiber(`releasing lock ${this.name}`);
    if (this.#writer !== fiber) {
      this.#refuse(`fiber ${fiber.name} released a write it does not hold`);
    }
    this.#writer = null;
    fiber.noteLockReleased(this.name);
    this.#grantWaiting();
  }

  describeWait(): string {
    const holder = this.#writer?.name ?? `${this.#readers.size} readers`;
    return `lock ${this.name} held by ${holder}`;
  }

  #acquire(mode: string, timeoutMs: number): FiberOp<boolean> {
    const wait = beginWait<boolean>(this, false, timeoutMs);
    const { fiber } = wait;
    if (this.#isHeldBy(fiber)) {
      wait.abandon();
      this.#refuse(`fiber ${fiber.name} holds it already`);
    }
    wait.enlist(this.#waiters, mode);
    // Granting wakes the wait before it has begun when the lock is free and nobody is ahead.
    this.#grantWaiting();
    if (!this.#isHeldBy(fiber)) {
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /** Lets in as many from the head of the queue as can hold the lock together. */
  #grantWaiting(): void {
    for (let node = this.#waiters.head; node !== null; node = this.#waiters.head) {
      const isFree = this.#writer === null && (node.payload === READ || this.#readers.size === 0);
      if (!isFree) {
        return;
      }
      const { fiber } = node.parking;
      if (node.payload === WRITE) {
        this.#writer = fiber;
      } else {
        this.#readers.add(fiber);
      }
      fiber.noteLockHeld(this.name);
      node.parking.wake(true);
    }
  }

  #isHeldBy(fiber: Fiber): boolean {
    return this.#writer === fiber || this.#readers.has(fiber);
  }

  #refuse(problem: string): never {
    throw new FiberError({ code: "DT_FIBER_LOCK_MISUSE", lock: this.name, problem });
  }
}
