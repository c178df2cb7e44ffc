const BUCKETS_PER_DOUBLING = 32;
const DOUBLINGS = 40;

/** Latencies in nanoseconds, each in a bucket about 2 % wide. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS_PER_DOUBLING * DOUBLINGS);
  #total = 0;

  record(nanos: number): void {
    const bucket = Math.log2(nanos < 1 ? 1 : nanos) * BUCKETS_PER_DOUBLING;
    const index = Math.min(this.#counts.length - 1, bucket | 0);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
  }

  /** The latency that the given share of calls does not exceed, in nanoseconds. */
  percentile(share: number): number {
    let left = this.#total * share;
    for (let index = 0; index < this.#counts.length; index++) {
      left -= this.#counts[index] ?? 0;
      if (left <= 0) {
        return 2 ** ((index + 1) / BUCKETS_PER_DOUBLING);
      }
    }
    return Infinity;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
