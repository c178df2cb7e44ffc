// Hot path: per operation. No closures; the one promise is the operation's own.
import { LatencyHistogram } from "./histogram.ts";
import type { Percentiles } from "./histogram.ts";

/** One operation of the slot `slot`; a slot has one operation under way at a time. */
export type Operation = (slot: number) => Promise<unknown>;

export interface LoopOptions {
  /** Operations under way at any time, each in a slot of its own. */
  readonly inFlight: number;
  /** Milliseconds before the measurement starts. */
  readonly warmUpMs: number;
  /** Milliseconds that are measured. */
  readonly measureMs: number;
  /**
   * One of so many operations of a slot is timed, all are counted. Default 1. Reading the clock and filing the result
   * cost a good part of what the fastest operations cost themselves.
   */
  readonly sampleEvery?: number;
  /** Told of each failure; decides whether the loop goes on. Default: counts it and goes on. */
  readonly onError?: (error: unknown, slot: number) => void;
  /** Called when the measurement starts. */
  readonly onMeasure?: () => void;
  /** Started with the measurement, which goes on at least until it ends. */
  readonly meanwhile?: () => Promise<void>;
  /** Called when the measurement ends, before the last operations are waited for. */
  readonly onEnd?: () => void;
}

export interface LoopResult extends Percentiles {
  readonly opsPerSec: number;
  readonly operations: number;
  readonly errors: number;
  /** Longest time without a success during the measurement, in milliseconds. */
  readonly longestGapMs: number;
}

/** Pause of a slot whose operation failed at once, so that a dead server is not asked in a tight loop. */
const ERROR_PAUSE_MS = 1;

/** Keeps `inFlight` operations under way: a slot starts its next one when its last one has ended. */
export async function runClosedLoop(
  operation: Operation,
  options: LoopOptions,
): Promise<LoopResult> {
  const loop = new ClosedLoop(operation, options);
  return loop.run();
}

class ClosedLoop {
  readonly #operation: Operation;
  readonly #options: LoopOptions;
  readonly #histogram = new LatencyHistogram();
  #isMeasuring = false;
  #isOver = false;
  #operations = 0;
  #errors = 0;
  #lastSuccessMs = 0;
  #longestGapMs = 0;

  constructor(operation: Operation, options: LoopOptions) {
    this.#operation = operation;
    this.#options = options;
  }

  async run(): Promise<LoopResult> {
    const { inFlight, warmUpMs, measureMs } = this.#options;
    const slots = Array.from({ length: inFlight }, (_, slot) => this.#runSlot(slot));
    await pause(warmUpMs);
    this.#isMeasuring = true;
    const startMs = performance.now();
    this.#lastSuccessMs = startMs;
    this.#options.onMeasure?.();
    await Promise.all([pause(measureMs), this.#options.meanwhile?.()]);
    this.#isMeasuring = false;
    this.#isOver = true;
    const endMs = performance.now();
    this.#options.onEnd?.();
    await Promise.all(slots);
    const operations = this.#operations;
    return {
      opsPerSec: Math.round((operations * 1000) / (endMs - startMs)),
      ...this.#histogram.percentiles(),
      operations,
      errors: this.#errors,
      longestGapMs: Math.round(Math.max(this.#longestGapMs, endMs - this.#lastSuccessMs)),
    };
  }

  async #runSlot(slot: number): Promise<void> {
    const sampleEvery = this.#options.sampleEvery ?? 1;
    let untimed = slot % sampleEvery;
    let startMs = performance.now();
    while (!this.#isOver) {
      try {
        await this.#operation(slot);
      } catch (error) {
        this.#errors++;
        this.#options.onError?.(error, slot);
        await pause(ERROR_PAUSE_MS);
        untimed = 0;
        startMs = performance.now();
        continue;
      }
      if (this.#isMeasuring) {
        this.#operations++;
      }
      if (untimed === 0) {
        const nowMs = performance.now();
        if (this.#isMeasuring) {
          this.#record(nowMs - startMs, nowMs);
        }
        startMs = nowMs;
        untimed = sampleEvery - 1;
      } else if (--untimed === 0) {
        startMs = performance.now();
      }
    }
  }

  #record(ms: number, nowMs: number): void {
    this.#histogram.recordMs(ms);
    const gapMs = nowMs - this.#lastSuccessMs;
    if (gapMs > this.#longestGapMs) {
      this.#longestGapMs = gapMs;
    }
    this.#lastSuccessMs = nowMs;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
