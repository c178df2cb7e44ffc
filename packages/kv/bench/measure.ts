import { cpus } from "node:os";

const ROUNDS = 5;

/**
 * Runs `body` a few times and prints the median and the best nanoseconds per operation. It is the time that all
 * threads of the process have used, collecting garbage included, so that other processes hardly matter.
 */
export function measure(name: string, operationCount: number, body: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    body();
    const { user, system } = process.cpuUsage(before);
    rounds.push(((user + system) * 1000) / operationCount);
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

/** The same sequence in every run: a linear congruential generator. */
export function pseudoRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}
