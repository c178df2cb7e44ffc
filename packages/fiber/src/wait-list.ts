// Hot path: per park and wake. Bench: bench/switch.bench.ts. No closures, no allocation.
import type { Parking } from "./parking.ts";

/** What a fiber can wait for; dumps and timeout errors quote it. */
export interface WaitTarget {
  describeWait(): string;
}

/** The place of one parked fiber in one wait list. Reused for all waits of that fiber. */
export class WaitNode {
  readonly parking: Parking;
  /** What the waiter left for whoever wakes it: its meaning is the list owner's business. */
  payload: unknown;
  list: WaitList | null;
  prev: WaitNode | null;
  next: WaitNode | null;

  constructor(parking: Parking) {
    this.parking = parking;
    this.payload = undefined;
    this.list = null;
    this.prev = null;
    this.next = null;
  }
}

/** Parked fibers in the order they came; any of them can leave from the middle. */
export class WaitList {
  readonly #onLeave: (() => void) | null;
  #head: WaitNode | null = null;
  #tail: WaitNode | null = null;

  /** `onLeave` is called after a waiter gave up: its time was up or it was interrupted. */
  constructor(onLeave: (() => void) | null = null) {
    this.#onLeave = onLeave;
  }

  get isEmpty(): boolean {
    return this.#head === null;
  }

  /** The node that has waited longest. */
  get head(): WaitNode | null {
    return this.#head;
  }

  append(node: WaitNode): void {
    const tail = this.#tail;
    node.list = this;
    node.prev = tail;
    node.next = null;
    if (tail === null) {
      this.#head = node;
    } else {
      tail.next = node;
    }
    this.#tail = node;
  }

  remove(node: WaitNode): void {
    const prev = node.prev;
    const next = node.next;
    if (prev === null) {
      this.#head = next;
    } else {
      prev.next = next;
    }
    if (next === null) {
      this.#tail = prev;
    } else {
      next.prev = prev;
    }
    node.list = null;
    node.prev = null;
    node.next = null;
    node.payload = undefined;
  }

  /** For the parking: a node was removed without having been woken by the owner of the list. */
  noteLeft(): void {
    this.#onLeave?.();
  }
}
