// What does a deadline cost that is added and removed again, as that of nearly every call is?
//
//   node dist/bench/deadline-wheel.bench.js
import { DeadlineWheel } from "../src/deadline-wheel.ts";
import type { DeadlineEntry } from "../src/deadline-wheel.ts";

const ENTRIES = 1000;
const ROUNDS = 2000;

class Entry implements DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;

  onDeadline(): void {
    throw new Error("a deadline of the bench fell due");
  }
}

/** Nanoseconds for each of the entries, in the best of all rounds. */
function best(round: () => void): string {
  let bestMs = Infinity;
  for (let count = 0; count < ROUNDS; count++) {
    const startMs = performance.now();
    round();
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  return `${((bestMs * 1e6) / ENTRIES).toFixed(1)} ns`;
}

function ignore(): void {}

const wheel = new DeadlineWheel();
const entries = Array.from({ length: ENTRIES }, () => new Entry());

const wheelCost = best(() => {
  const nowMs = performance.now();
  for (const entry of entries) {
    wheel.add(entry, nowMs + 60_000);
  }
  for (const entry of entries) {
    wheel.remove(entry);
  }
});
const timerCost = best(() => {
  const timers = entries.map(() => setTimeout(ignore, 60_000));
  for (const timer of timers) {
    clearTimeout(timer);
  }
});
process.stdout.write(`wheel, add and remove: ${wheelCost}\n`);
process.stdout.write(`setTimeout and clearTimeout: ${timerCost}\n`);
