/**
 * Pauses between attempts: each twice as long as the one before up to the maximum, and of each a
 * random part between half and all of it, so that clients which lost the same server do not come
 * back together.
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** `random` returns a number within [0, 1). */
  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
    this.#nextMs = minMs;
  }

  next(): number {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, this.#maxMs);
    return (pauseMs * (1 + this.#random())) / 2;
  }

  /** The next pauses are as long as they get: there is no hurry. */
  skipToLongest(): void {
    this.#nextMs = this.#maxMs;
  }

  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
