import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";

/**
 * Runs any of what is ready, chosen by a random sequence that depends on `seed` alone. With a
 * `VirtualClock` one seed is one run, and many seeds are many interleavings.
 */
export class SeededPolicy implements SchedulingPolicy {
  readonly #ready: Runnable[] = [];
  #random: number;

  /** `seed`: any integer; its lower 32 bits count. */
  constructor(seed: number) {
    this.#random = seed | 0;
  }

  get size(): number {
    return this.#ready.length;
  }

  push(runnable: Runnable): void {
    this.#ready.push(runnable);
  }

  pop(): Runnable | null {
    const ready = this.#ready;
    const last = ready.pop();
    if (last === undefined) {
      return null;
    }
    const index = this.#next() % (ready.length + 1);
    const chosen = ready[index];
    if (chosen === undefined) {
      return last;
    }
    ready[index] = last;
    return chosen;
  }

  /** The next of 2^32 values: a Weyl sequence, mixed (the finaliser of MurmurHash3). */
  #next(): number {
    this.#random = (this.#random + 0x9e3779b9) | 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }
}
