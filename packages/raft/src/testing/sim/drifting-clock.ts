import type { EventQueue } from "./event-queue.ts";

/** Wall clock of virtual time 0. */
export const SIM_EPOCH_MS = 1_700_000_000_000;

/** What one node reads: a monotonic clock with its own origin and rate, and a wall clock. */
export class DriftingClock {
  readonly #queue: EventQueue;
  #rate: number;
  #offsetMs: number;
  #wallOffsetMs = 0;

  constructor(queue: EventQueue, offsetMs: number, rate: number) {
    this.#queue = queue;
    this.#rate = rate;
    this.#offsetMs = offsetMs - queue.nowMs * rate;
  }

  /** Local milliseconds per true millisecond. */
  get rate(): number {
    return this.#rate;
  }

  /** Monotonic, fractional, with an origin that means nothing to other nodes. */
  nowMs(): number {
    return this.#offsetMs + this.#queue.nowMs * this.#rate;
  }

  /** Milliseconds since the epoch as this node believes; may jump. */
  wallMs(): number {
    return Math.max(0, Math.floor(SIM_EPOCH_MS + this.#queue.nowMs + this.#wallOffsetMs));
  }

  /** True time that passes while this clock counts `localMs`. */
  trueSpan(localMs: number): number {
    return localMs / this.#rate;
  }

  /** Changes the rate from now on; what the clock shows now stays. */
  setRate(rate: number): void {
    const shown = this.nowMs();
    this.#rate = rate;
    this.#offsetMs = shown - this.#queue.nowMs * rate;
  }

  /** A new process: the monotonic clock starts somewhere else. */
  restartAt(offsetMs: number): void {
    this.#offsetMs = offsetMs - this.#queue.nowMs * this.#rate;
  }

  /** Moves the wall clock only. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}
