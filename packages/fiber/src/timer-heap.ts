import type { TimerHandle } from "./clock.ts";

/** A timer in a `TimerHeap`. `index` is its slot, -1 when it is not in a heap. */
export class Timer implements TimerHandle {
  readonly atMs: number;
  readonly seq: number;
  readonly fn: () => void;
  index: number;

  constructor(atMs: number, seq: number, fn: () => void) {
    this.atMs = atMs;
    this.seq = seq;
    this.fn = fn;
    this.index = -1;
  }
}

/**
 * Pending timers ordered by deadline, then by the order in which they were set.
 * A timer knows its slot, so removing one from the middle costs no search.
 */
export class TimerHeap {
  readonly #slots: Timer[] = [];
  #nextSeq = 0;

  get size(): number {
    return this.#slots.length;
  }

  /** The earliest timer, left in place. */
  peek(): Timer | undefined {
    return this.#slots[0];
  }

  add(atMs: number, fn: () => void): Timer {
    const timer = new Timer(atMs, this.#nextSeq++, fn);
    timer.index = this.#slots.length;
    this.#slots.push(timer);
    this.#siftUp(timer);
    return timer;
  }

  /** False when the timer is not in this heap any more. */
  remove(timer: Timer): boolean {
    const index = timer.index;
    if (index < 0 || this.#slots[index] !== timer) {
      return false;
    }
    timer.index = -1;
    const last = this.#slots.pop();
    if (last !== undefined && last !== timer) {
      last.index = index;
      this.#slots[index] = last;
      this.#siftDown(last);
      this.#siftUp(last);
    }
    return true;
  }

  /** Takes the earliest timer out if its deadline is not after `nowMs`. */
  popDue(nowMs: number): Timer | undefined {
    const first = this.#slots[0];
    if (first === undefined || first.atMs > nowMs) {
      return undefined;
    }
    this.remove(first);
    return first;
  }

  #siftUp(timer: Timer): void {
    const slots = this.#slots;
    let index = timer.index;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = slots[parentIndex];
      if (parent === undefined || isBefore(parent, timer)) {
        break;
      }
      slots[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    slots[index] = timer;
    timer.index = index;
  }

  #siftDown(timer: Timer): void {
    const slots = this.#slots;
    let index = timer.index;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = slots[childIndex];
      if (child === undefined) {
        break;
      }
      const right = slots[childIndex + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (isBefore(timer, child)) {
        break;
      }
      slots[index] = child;
      child.index = index;
      index = childIndex;
    }
    slots[index] = timer;
    timer.index = index;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.seq < b.seq);
}
