import type { TermRun } from "./log-state.ts";
import { invariant } from "./invariant.ts";

/**
 * The term of every entry of the log, as runs of equal terms. Both arrays ascend strictly; run i
 * covers `firsts[i] .. firsts[i + 1] - 1`, the last one ends at `lastIndex`.
 */
export class TermRuns {
  firstIndex: number;
  /** Term of the entry before `firstIndex`, which the log no longer holds; 0 for none. */
  prevTerm: number;
  lastIndex: number;
  readonly firsts: number[] = [];
  readonly terms: number[] = [];

  constructor(firstIndex: number, lastIndex: number, runs: readonly TermRun[], prevTerm = 0) {
    this.firstIndex = firstIndex;
    this.prevTerm = prevTerm;
    this.lastIndex = lastIndex;
    for (const run of runs) {
      this.firsts.push(run.firstIndex);
      this.terms.push(run.term);
    }
    this.assertInvariants();
  }

  /**
   * Term of the entry at `index`, also of the one before the first; 0 for index 0, the entry before
   * all logs; -1 when not known.
   */
  termAt(index: number): number {
    if (index < this.firstIndex || index > this.lastIndex) {
      return index === this.firstIndex - 1 ? this.prevTerm : -1;
    }
    return this.terms[this.#runOf(index)] as number;
  }

  /** Last index of the run that holds `index`. */
  runEnd(index: number): number {
    return this.#endOf(this.#runOf(index));
  }

  /** The largest index up to `index` whose term is at most `term`; `firstIndex - 1` when none is. */
  lastIndexOfTermAtMost(index: number, term: number): number {
    const start = Math.min(index, this.lastIndex);
    if (start < this.firstIndex) {
      return this.firstIndex - 1;
    }
    let run = this.#runOf(start);
    if ((this.terms[run] as number) <= term) {
      return start;
    }
    while (run > 0 && (this.terms[run - 1] as number) > term) {
      run--;
    }
    return (this.firsts[run] as number) - 1;
  }

  append(term: number, lastIndex: number): void {
    const runCount = this.terms.length;
    const lastTerm = runCount === 0 ? this.prevTerm : (this.terms[runCount - 1] as number);
    invariant(term >= lastTerm, "terms in the log never go down");
    if (term > lastTerm || runCount === 0) {
      this.firsts.push(this.lastIndex + 1);
      this.terms.push(term);
    }
    this.lastIndex = lastIndex;
  }

  /** Drops the entries at and above `index`. */
  truncate(index: number): void {
    while (this.firsts.length > 0 && (this.firsts[this.firsts.length - 1] as number) >= index) {
      this.firsts.pop();
      this.terms.pop();
    }
    this.lastIndex = index - 1;
  }

  /** Forgets the entries below `firstIndex`, at most the one after the last. */
  dropHead(firstIndex: number): void {
    const prevTerm = this.termAt(firstIndex - 1);
    let gone = 0;
    while (gone < this.firsts.length && this.#endOf(gone) < firstIndex) {
      gone++;
    }
    this.firsts.splice(0, gone);
    this.terms.splice(0, gone);
    if (this.firsts.length > 0) {
      this.firsts[0] = firstIndex;
    }
    this.firstIndex = firstIndex;
    this.prevTerm = prevTerm;
  }

  /** Forgets everything: the log continues after (index, term). */
  reset(index: number, term: number): void {
    this.firsts.length = 0;
    this.terms.length = 0;
    this.firstIndex = index + 1;
    this.lastIndex = index;
    this.prevTerm = term;
  }

  clone(): TermRuns {
    const copy = new TermRuns(this.firstIndex, this.firstIndex - 1, [], this.prevTerm);
    copy.lastIndex = this.lastIndex;
    for (let i = 0; i < this.firsts.length; i++) {
      copy.firsts.push(this.firsts[i] as number);
      copy.terms.push(this.terms[i] as number);
    }
    return copy;
  }

  assertInvariants(): void {
    const runCount = this.firsts.length;
    invariant(this.terms.length === runCount, "every run has a start and a term");
    invariant(this.lastIndex >= this.firstIndex - 1, "the log does not end before its start");
    if (runCount === 0) {
      invariant(this.lastIndex === this.firstIndex - 1, "a log without runs is empty");
      return;
    }
    invariant(this.firsts[0] === this.firstIndex, "runs start where the log starts");
    invariant((this.terms[0] as number) >= this.prevTerm, "terms in the log never go down");
    invariant((this.firsts[runCount - 1] as number) <= this.lastIndex, "no run is empty");
    for (let i = 1; i < runCount; i++) {
      invariant((this.firsts[i - 1] as number) < (this.firsts[i] as number), "runs ascend");
      invariant((this.terms[i - 1] as number) < (this.terms[i] as number), "terms ascend");
    }
  }

  #endOf(run: number): number {
    const next = run + 1;
    return next === this.firsts.length ? this.lastIndex : (this.firsts[next] as number) - 1;
  }

  /** Which run holds `index`, an index of the log. Nearly all questions are about the last run. */
  #runOf(index: number): number {
    let high = this.firsts.length - 1;
    if (index >= (this.firsts[high] as number)) {
      return high;
    }
    let low = 0;
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((this.firsts[middle] as number) <= index) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
