import { build } from "hdr-histogram-js";
import type { Histogram } from "hdr-histogram-js";

/** Latencies above this count as this: a minute. */
const MAX_US = 60_000_000;

export interface Percentiles {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** Latencies in microseconds, with three significant digits. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
    useWebAssembly: false,
  });

  /** Takes a latency in milliseconds, as differences of performance.now() are, of so many operations. */
  recordMs(ms: number, count: number = 1): void {
    const us = Math.round(ms * 1000);
    this.#histogram.recordValueWithCount(us < 1 ? 1 : Math.min(us, MAX_US), count);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  percentiles(): Percentiles {
    const histogram = this.#histogram;
    const maxUs = histogram.maxValue;
    // A percentile is the upper end of its bucket, which may lie above the largest value.
    const at = (percentile: number): number =>
      Math.min(histogram.getValueAtPercentile(percentile), maxUs);
    return { p50Us: at(50), p99Us: at(99), p999Us: at(99.9), maxUs };
  }
}
