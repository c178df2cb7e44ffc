import { readFileSync } from "node:fs";

/** Of the kernel's clock in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time that the processes have used so far, in seconds; null where the system does not tell. */
export function processorSeconds(pids: readonly number[]): number | null {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name in parentheses may hold spaces; user and system time are the 12th and 13th field behind it.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // Another system, or a process that has been killed: there is no figure then.
      return null;
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Measures which share of a core each side uses. */
export class ProcessorShare {
  readonly #pids: readonly number[];
  readonly #startSeconds: number | null;
  readonly #startMs: number;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#startSeconds = processorSeconds(pids);
    this.#startMs = performance.now();
  }

  /** Processor time used since the start, in seconds; null when not known. */
  seconds(): number | null {
    const seconds = processorSeconds(this.#pids);
    return seconds === null || this.#startSeconds === null ? null : seconds - this.#startSeconds;
  }

  /** Cores used since the start, with two digits; null when not known. */
  cores(): number | null {
    const seconds = this.seconds();
    if (seconds === null) {
      return null;
    }
    const cores = (seconds * 1000) / (performance.now() - this.#startMs);
    return Math.round(cores * 100) / 100;
  }
}
