import { cpus } from "node:os";
import { PerformanceObserver } from "node:perf_hooks";

const ROUNDS = 5;

/** Runs `body` a few times and prints the median of the nanoseconds per operation. */
export function measure(name: string, operationCount: number, body: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startNs = process.hrtime.bigint();
    body();
    rounds.push(Number(process.hrtime.bigint() - startNs) / operationCount);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[ROUNDS >> 1] ?? 0;
  const best = rounds[0] ?? 0;
  print(`${name.padEnd(52)} ${median.toFixed(0).padStart(6)} ns (best ${best.toFixed(0)})`);
}

export function printEnvironment(): void {
  print(`${cpus()[0]?.model.trim() ?? "unknown cpu"}, Node ${process.version}`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Milliseconds spent in garbage collection since the last look. */
export class GcClock {
  #ms = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      this.#ms += entry.duration;
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** Waits for the observer to be told. */
  async take(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    const ms = this.#ms;
    this.#ms = 0;
    return ms;
  }
}

/** The same sequence in every run: a linear congruential generator. */
export function pseudoRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}
