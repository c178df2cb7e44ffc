import { ensure } from "./sim-failure.ts";

/** Events at one and the same instant after which a run counts as stuck. */
const MAX_EVENTS_AT_ONCE = 200_000;

/** One scheduled action; kept by whoever may want to cancel it. */
export interface SimEvent {
  readonly atMs: number;
  readonly sequence: number;
  action: (() => void) | null;
}

/**
 * Virtual time. Events run in the order of (time, sequence of scheduling), one at a time, and time
 * only moves from one event to the next.
 */
export class EventQueue {
  /** Binary min-heap. */
  readonly #heap: SimEvent[] = [];
  #sequence = 0;
  #nowMs = 0;
  #eventsNow = 0;

  /** True time in virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Time of the next event, or Infinity. */
  get nextAtMs(): number {
    this.#dropCancelled();
    return this.#heap[0]?.atMs ?? Infinity;
  }

  at(timeMs: number, action: () => void): SimEvent {
    const event = {
      atMs: Math.max(timeMs, this.#nowMs),
      sequence: this.#sequence++,
      action,
    };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
    return event;
  }

  after(delayMs: number, action: () => void): SimEvent {
    return this.at(this.#nowMs + delayMs, action);
  }

  cancel(event: SimEvent): void {
    event.action = null;
  }

  /** Runs the next event; false when there is none. */
  runNext(): boolean {
    this.#dropCancelled();
    const event = this.#heap[0];
    if (event === undefined) {
      return false;
    }
    this.#removeFirst();
    this.#eventsNow = event.atMs > this.#nowMs ? 0 : this.#eventsNow + 1;
    ensure(this.#eventsNow < MAX_EVENTS_AT_ONCE, "stuck", "time stands still");
    this.#nowMs = event.atMs;
    event.action?.();
    return true;
  }

  /** Runs everything up to and including `timeMs`, and leaves the clock there. */
  runUntil(timeMs: number): void {
    while (this.nextAtMs <= timeMs) {
      this.runNext();
    }
    this.#nowMs = Math.max(this.#nowMs, timeMs);
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.action === null) {
      this.#removeFirst();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#siftDown();
    }
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const child = heap[at] as SimEvent;
      const above = heap[parent] as SimEvent;
      if (isBefore(above, child)) {
        return;
      }
      heap[at] = above;
      heap[parent] = child;
      at = parent;
    }
  }

  #siftDown(): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let first = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < heap.length; child++) {
        if (isBefore(heap[child] as SimEvent, heap[first] as SimEvent)) {
          first = child;
        }
      }
      if (first === at) {
        return;
      }
      const moved = heap[at] as SimEvent;
      heap[at] = heap[first] as SimEvent;
      heap[first] = moved;
      at = first;
    }
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
