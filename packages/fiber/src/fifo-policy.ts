// Hot path: per fiber switch. Bench: bench/switch.bench.ts.
import { RingQueue } from "./ring-queue.ts";
import type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";

/** Runs what became ready first. */
export class FifoPolicy implements SchedulingPolicy {
  readonly #ready = new RingQueue<Runnable>();

  get size(): number {
    return this.#ready.size;
  }

  push(runnable: Runnable): void {
    this.#ready.push(runnable);
  }

  pop(): Runnable | null {
    return this.#ready.shift() ?? null;
  }
}
