import type { Clock, TimerHandle } from "./clock.ts";
import { Timer, TimerHeap } from "./timer-heap.ts";

/** The longest delay a Node timer takes; a later deadline is armed in steps. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Real time. All pending timers share one Node timer, armed for the earliest deadline, so a
 * sleep costs a heap insertion. Accuracy: never early, usually within 2 ms after the deadline.
 * A pending timer keeps the process alive, as a Node timer does.
 */
export class NodeClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #onTimeout = (): void => this.#fireDue();
  #armed: NodeJS.Timeout | null = null;
  #armedForMs = Infinity;

  nowMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    const timer = this.#timers.add(atMs, fn);
    if (atMs < this.#armedForMs) {
      this.#arm(atMs);
    }
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    // The Node timer stays armed while others wait: firing once too often is cheaper than
    // arming anew for each wait that ends before its timeout.
    if (handle instanceof Timer && this.#timers.remove(handle) && this.#timers.size === 0) {
      this.#disarm();
    }
  }

  defer(fn: () => void): void {
    setImmediate(fn);
  }

  #fireDue(): void {
    this.#armed = null;
    this.#armedForMs = Infinity;
    // Read once: a callback that sets a timer for now must not keep this loop alive.
    const nowMs = this.nowMs();
    try {
      for (let due = this.#timers.popDue(nowMs); due !== undefined;) {
        due.fn();
        due = this.#timers.popDue(nowMs);
      }
    } finally {
      const next = this.#timers.peek();
      if (next !== undefined && next.atMs < this.#armedForMs) {
        this.#arm(next.atMs);
      }
    }
  }

  #arm(atMs: number): void {
    this.#disarm();
    const delayMs = Math.ceil(atMs - this.nowMs());
    this.#armedForMs = atMs;
    this.#armed = setTimeout(this.#onTimeout, Math.min(MAX_DELAY_MS, Math.max(1, delayMs)));
  }

  #disarm(): void {
    if (this.#armed !== null) {
      clearTimeout(this.#armed);
      this.#armed = null;
      this.#armedForMs = Infinity;
    }
  }
}
