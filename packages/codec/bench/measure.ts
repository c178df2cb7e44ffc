import { cpus } from "node:os";

const ROUNDS = 9;
const ROUND_MS = 15;
/** Rounds that do not count, so that the compiler has finished. */
const WARM_UP_ROUNDS = 8;

/** Something that cannot be computed away: benchmarks return a value that depends on their work. */
let sink = 0;

/**
 * Runs `body(count)`, which does its work `count` times, and prints the nanoseconds for one: the
 * least and the median of several rounds. On a machine with other work the least is the steadier
 * number.
 */
export function measure(name: string, body: (count: number) => number): void {
  let count = 100;
  let elapsedMs = 0;
  while (elapsedMs < ROUND_MS) {
    count *= 2;
    elapsedMs = timeMs(body, count);
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    timeMs(body, count);
  }
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push((timeMs(body, count) / count) * 1e6);
  }
  rounds.sort((a, b) => a - b);
  const [least = 0] = rounds;
  const median = rounds[ROUNDS >> 1] ?? 0;
  print(`${name.padEnd(48)} ${least.toFixed(1).padStart(8)} ${median.toFixed(1).padStart(8)}`);
}

/** Prints what the numbers below it were measured on. */
export function heading(title: string): void {
  const [cpu] = cpus();
  print(`${title} (ns: least, median of ${ROUNDS})`);
  print(`node ${process.version}, ${cpu?.model ?? "unknown"}, ${cpus().length} cores`);
}

function timeMs(body: (count: number) => number, count: number): number {
  const start = performance.now();
  sink = (sink + body(count)) | 0;
  return performance.now() - start;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
