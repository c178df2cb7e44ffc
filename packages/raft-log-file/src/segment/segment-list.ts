import type { TermRun } from "@dt/raft";
import type { Segment } from "./segment.ts";

/** The segments of one log in order, as far as they are durable. Never empty while the log is open. */
export class SegmentList {
  #segments: Segment[];

  constructor(segments: readonly Segment[]) {
    this.#segments = [...segments];
  }

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get last(): Segment {
    return this.#segments.at(-1) as Segment;
  }

  get firstIndex(): number {
    return (this.#segments[0] as Segment).header.firstIndex;
  }

  /** The index after the last durable entry. */
  get nextIndex(): number {
    return this.last.nextIndex;
  }

  /** The segment that holds an entry; undefined for an index that is not in the log. */
  holding(index: number): Segment | undefined {
    const segment = this.#segments.findLast((each) => each.header.firstIndex <= index);
    return segment !== undefined && index < segment.nextIndex ? segment : undefined;
  }

  /**
   * Adds a segment, which takes over at its first index: segments that begin there or behind leave
   * the list and are returned.
   */
  install(segment: Segment): Segment[] {
    const { firstIndex } = segment.header;
    const kept = this.#segments.filter((each) => each.header.firstIndex < firstIndex);
    const replaced = this.#segments.slice(kept.length);
    const before = kept.at(-1);
    if (before !== undefined && before.nextIndex > firstIndex) {
      before.truncateFrom(firstIndex, segment.header.prevTerm, segment.header.prevChain);
    }
    this.#segments = [...kept, segment];
    return replaced;
  }

  termRuns(): TermRun[] {
    const runs: TermRun[] = [];
    for (const segment of this.#segments) {
      for (const run of segment.termRuns) {
        if (runs.at(-1)?.term !== run.term) {
          runs.push(run);
        }
      }
    }
    return runs;
  }
}
