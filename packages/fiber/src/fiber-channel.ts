import { FiberError } from "./fiber-error.ts";
import { beginWait } from "./begin-wait.ts";
import type { FiberOp } from "./fiber-gen.ts";
import type { WaitFinisher } from "./parking.ts";
import { RingQueue } from "./ring-queue.ts";
import { WaitList } from "./wait-list.ts";
import type { WaitTarget } from "./wait-list.ts";

/**
 * A bounded queue between any code of the thread and fibers. Items come out in the order they went
 * in, and takers are served in the order they came.
 */
export class FiberChannel<T extends NonNullable<unknown>> {
  readonly name: string;
  readonly capacity: number;
  readonly #items: RingQueue<T>;
  readonly #takers = new WaitList();
  readonly #putters = new WaitList();
  readonly #takeTarget: WaitTarget;
  readonly #putTarget: WaitTarget;
  #isClosed = false;

  constructor(capacity: number, name = "unnamed") {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new FiberError({
        code: "DT_FIBER_ARGUMENT",
        argument: "capacity",
        problem: `must be an integer of at least 1, got ${capacity}`,
      });
    }
    this.name = name;
    this.capacity = capacity;
    this.#items = new RingQueue<T>(Math.min(capacity, 16));
    this.#takeTarget = { describeWait: () => `an item of channel ${name}` };
    this.#putTarget = { describeWait: () => `room in channel ${name}` };
  }

  /** Items in the queue; those of fibers that wait in `put` are not counted. */
  get size(): number {
    return this.#items.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Adds an item without waiting; false, and nothing done, when full or closed. */
  offer(item: T): boolean {
    // While fibers wait in put() the queue is full: they are let in as soon as there is room.
    if (this.#isClosed || this.#items.size >= this.capacity) {
      return false;
    }
    this.#accept(item);
    return true;
  }

  /** Adds an item, waiting for room; false when closed or when `timeoutMs` passed first. */
  put(item: T, timeoutMs: number = Infinity): FiberOp<boolean> {
    const wait = beginWait<boolean>(this.#putTarget, false, timeoutMs);
    if (this.#isClosed) {
      wait.wake(false);
    } else if (this.offer(item)) {
      wait.wake(true);
    } else {
      wait.enlist(this.#putters, item);
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /** The oldest item; null when there is none. */
  tryTake(): T | null {
    const item = this.#items.shift();
    if (item === undefined) {
      return null;
    }
    this.#admitPutter();
    return item;
  }

  /** Waits for an item: null when closed and empty, or when `timeoutMs` passed first. */
  take(timeoutMs: number = Infinity): FiberOp<T | null> {
    const wait = beginWait<T | null>(this.#takeTarget, null, timeoutMs);
    const item = this.tryTake();
    if (item !== null || this.#isClosed) {
      wait.wake(item);
    } else {
      wait.enlist(this.#takers, undefined);
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /**
   * Waits for at least one item and appends all there are to `into`, those included that came
   * between the wake-up and the resumption: how many. 0 when closed and empty, or when `timeoutMs`
   * passed first.
   */
  takeAll(into: T[], timeoutMs: number = Infinity): FiberOp<number> {
    const wait = beginWait<number>(this.#takeTarget, 0, timeoutMs);
    const drain = new Drain(this, into);
    wait.finishWith(drain);
    if (this.#items.size > 0 || this.#isClosed) {
      wait.wake(0);
    } else {
      wait.enlist(this.#takers, drain);
      wait.limit(timeoutMs);
    }
    return wait;
  }

  /** Refuses further items and ends all waits; items in the queue can still be taken. */
  close(): void {
    this.#isClosed = true;
    for (let node = this.#takers.head; node !== null; node = this.#takers.head) {
      node.parking.wake(null);
    }
    for (let node = this.#putters.head; node !== null; node = this.#putters.head) {
      node.parking.wake(false);
    }
  }

  /** Gives an item to the longest waiting taker, or queues it. */
  #accept(item: T): void {
    const taker = this.#takers.head;
    if (taker === null) {
      this.#items.push(item);
    } else if (taker.payload instanceof Drain) {
      taker.payload.into.push(item);
      taker.parking.wake(0);
    } else {
      taker.parking.wake(item);
    }
  }

  #admitPutter(): void {
    const putter = this.#putters.head;
    if (putter !== null) {
      // put() is the only one to enlist here, and its payload is a T.
      this.#items.push(putter.payload as T);
      putter.parking.wake(true);
    }
  }
}

/** A taker that wants everything: the item that wakes it is put into `into` at once. */
class Drain<T extends NonNullable<unknown>> implements WaitFinisher {
  readonly into: T[];
  readonly #channel: FiberChannel<T>;
  readonly #lengthBefore: number;

  constructor(channel: FiberChannel<T>, into: T[]) {
    this.into = into;
    this.#channel = channel;
    this.#lengthBefore = into.length;
  }

  finishWait(): number {
    for (let item = this.#channel.tryTake(); item !== null; item = this.#channel.tryTake()) {
      this.into.push(item);
    }
    return this.into.length - this.#lengthBefore;
  }
}
