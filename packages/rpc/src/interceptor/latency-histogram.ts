/** Upper bounds of the buckets, in seconds, as a Prometheus histogram has them. */
export const BUCKET_SECONDS: readonly number[] = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  2.5, 5, 10,
];

/** How long things took. Constant memory; a record is a search in a short array. */
export class LatencyHistogram {
  /** Counts by bucket, not yet summed up; the last is for what exceeds every bound. */
  readonly #counts: number[] = Array.from({ length: BUCKET_SECONDS.length + 1 }, () => 0);
  count = 0;
  sumSeconds = 0;

  record(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKET_SECONDS.length && seconds > (BUCKET_SECONDS[bucket] as number)) {
      bucket++;
    }
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.count++;
    this.sumSeconds += seconds;
  }

  /** How many took at most each bound; the last entry, for +Inf, is the count. */
  cumulative(): number[] {
    let total = 0;
    return this.#counts.map((count) => (total += count));
  }
}
