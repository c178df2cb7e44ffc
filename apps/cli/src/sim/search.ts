import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SeedFocus } from "@dt/raft/testing";
import type { CliContext } from "../cli-context.ts";
import { StopSignal } from "../dev/stop-signal.ts";
import { CliExit } from "../exit-code.ts";
import { type Progress, startProgress } from "../progress.ts";
import { print } from "../terminal.ts";
import { SearchTally } from "./search-tally.ts";
import type { RangeReport, SeedRange } from "./sim-worker.ts";

export interface SearchOptions {
  readonly from: number;
  /** Infinity: as many as fit into the time. */
  readonly count: number;
  readonly focus: SeedFocus | null;
  readonly limitMs: number;
  readonly workers: number;
}

/** Seeds that a worker gets at a time: about a second of work. */
const RANGE = 20;

/** After so many failed seeds the rest would only say the same. */
const MAX_FAILURES = 20;

const WORKER = fileURLToPath(new URL("sim-worker.js", import.meta.url));

/** Runs seeds in worker processes and prints what they did; the exit code tells whether all kept the rules. */
export async function searchSeeds(context: CliContext, options: SearchOptions): Promise<void> {
  const stop = new StopSignal();
  const search = new Search(context, options, stop.signal);
  try {
    await search.run();
  } finally {
    stop.release();
  }
  await print(context.terminal.stdout, search.summary());
  if (search.tally.hasFailed) {
    context.exitCode = CliExit.failed;
  }
}

class Search {
  readonly tally = new SearchTally();
  readonly #options: SearchOptions;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #startMs = performance.now();
  #nextSeed: number;
  #elapsedMs = 0;

  constructor({ terminal }: CliContext, options: SearchOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#nextSeed = options.from;
    const total = Number.isFinite(options.count) ? options.count : 0;
    this.#progress = startProgress(terminal.stderr, "seeds", total);
  }

  async run(): Promise<void> {
    const { workers, count } = this.#options;
    const wanted = Math.min(workers, Math.ceil(count / RANGE));
    try {
      await Promise.all(Array.from({ length: wanted }, () => this.#work()));
    } finally {
      this.#progress.stop();
      this.#elapsedMs = performance.now() - this.#startMs;
    }
  }

  summary(): string {
    return this.tally.text(this.#options.from, this.#options.focus, this.#elapsedMs);
  }

  /** One worker process from its start to its end. */
  async #work(): Promise<void> {
    const worker = fork(WORKER, ["sim-worker"], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const ended = once(worker, "exit");
    try {
      for (let range = this.#nextRange(); range !== null; range = this.#nextRange()) {
        worker.send(range);
        const report = await answerOf(worker);
        this.tally.add(report);
        this.#progress.advance(report.done);
      }
    } finally {
      if (worker.connected) {
        worker.disconnect();
      }
      await ended;
    }
  }

  #nextRange(): SeedRange | null {
    const { from, count, limitMs, focus } = this.#options;
    const isOver = performance.now() - this.#startMs >= limitMs || this.#signal.aborted;
    const left = from + count - this.#nextSeed;
    if (isOver || left <= 0 || this.tally.failures >= MAX_FAILURES) {
      return null;
    }
    const range = { from: this.#nextSeed, count: Math.min(RANGE, left), focus };
    this.#nextSeed += range.count;
    return range;
  }
}

/** The next answer; rejects when the worker ends without one. */
async function answerOf(worker: ChildProcess): Promise<RangeReport> {
  const answered = new AbortController();
  const { signal } = answered;
  const death = once(worker, "exit", { signal }).then(([code, reason]: unknown[]) => {
    throw new Error(`a worker of the search ended by itself with ${String(code ?? reason)}`);
  });
  try {
    const [report] = (await Promise.race([once(worker, "message", { signal }), death])) as [
      RangeReport,
    ];
    return report;
  } finally {
    death.catch(() => undefined);
    answered.abort();
  }
}
