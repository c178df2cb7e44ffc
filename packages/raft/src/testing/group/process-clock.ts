import type { Clock, TimerHandle } from "@dt/fiber";
import type { DriftingClock } from "../sim/drifting-clock.ts";
import type { EventQueue } from "../sim/event-queue.ts";

class ProcessTimer implements TimerHandle {
  readonly atMs: number;
  isCleared = false;

  constructor(atMs: number) {
    this.atMs = atMs;
  }
}

/** The clock of one process: silent when the process is dead, late while it stands still. */
export class ProcessClock implements Clock {
  isDead = false;
  readonly #queue: EventQueue;
  readonly #clock: DriftingClock;
  /** What waits for a process that stands still; null while it runs. */
  #backlog: (() => void)[] | null = null;

  constructor(queue: EventQueue, clock: DriftingClock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    // A little late, because converting between clocks rounds.
    const delayMs = Math.max(0, this.#clock.trueSpan(atMs - this.nowMs())) + 1e-6;
    const timer = new ProcessTimer(atMs);
    this.#queue.after(delayMs, () =>
      this.run(() => {
        if (!timer.isCleared) {
          fn();
        }
      }),
    );
    return timer;
  }

  clearTimer(handle: TimerHandle): void {
    if (handle instanceof ProcessTimer) {
      handle.isCleared = true;
    }
  }

  defer(fn: () => void): void {
    this.#queue.after(0, () => this.run(fn));
  }

  run(fn: () => void): void {
    if (this.isDead) {
      return;
    }
    if (this.#backlog === null) {
      fn();
    } else {
      this.#backlog.push(fn);
    }
  }

  pause(): void {
    this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = null;
    for (const fn of backlog) {
      this.defer(fn);
    }
  }
}
