import { formatTable } from "../output.ts";
import type { RangeReport, SeedFailure } from "./sim-worker.ts";

/** A search that proves less than it says has failed: more runs than this did without the fault that they were for. */
const MAX_REJECTED_SHARE = 0.01;

/** What the ranges of a search added up to. */
export class SearchTally {
  readonly #byFocus = new Map<string, number>();
  readonly #failures: SeedFailure[] = [];
  readonly #rejected: SeedFailure[] = [];
  #done = 0;
  #steps = 0;

  get failures(): number {
    return this.#failures.length;
  }

  /** A rule was broken, or too many runs did without their fault; a short search may have one such run. */
  get hasFailed(): boolean {
    return this.failures > 0 || this.#rejected.length > 1 + this.#done * MAX_REJECTED_SHARE;
  }

  add(report: RangeReport): void {
    this.#done += report.done;
    this.#steps += report.steps;
    this.#failures.push(...report.failures);
    this.#rejected.push(...report.rejected);
    for (const [focus, runs] of Object.entries(report.byFocus)) {
      this.#byFocus.set(focus, (this.#byFocus.get(focus) ?? 0) + runs);
    }
  }

  /** Runs by what they were for, the totals, and each failed or rejected seed with the command that replays it. */
  text(from: number, focus: string | null, elapsedMs: number): string {
    const seconds = elapsedMs / 1000;
    const rows = [...this.#byFocus].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rate = seconds > 0 ? this.#done / seconds : 0;
    const lines = [
      formatTable(["for", "runs"], rows),
      `${this.#done} seeds from ${from}, ${this.#steps} checked steps, ` +
        `${seconds.toFixed(1)} s, ${rate.toFixed(1)} seeds/s, ` +
        `${this.failures} failed, ${this.#rejected.length} rejected\n`,
    ];
    const flags = focus === null ? "" : ` --focus ${focus}`;
    const found = [...this.#failures, ...this.#rejected];
    for (const { seed, problem } of found.toSorted((a, b) => a.seed - b.seed)) {
      lines.push(
        `seed ${seed}: ${problem}\n  dt sim --seed ${seed}${flags} --trace ${seed}.trace\n`,
      );
    }
    return lines.join("");
  }
}
