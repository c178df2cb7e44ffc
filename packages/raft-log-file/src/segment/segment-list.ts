import type { ConfigEntry, TermRun } from "@dt/raft";
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
   * the list and are returned; all of them, when the log begins with it.
   */
  install(segment: Segment): Segment[] {
    const { firstIndex, isBase } = segment.header;
    const kept = isBase ? [] : this.#segments.filter((each) => each.header.firstIndex < firstIndex);
    const replaced = this.#segments.slice(kept.length);
    const before = kept.at(-1);
    if (before !== undefined && before.nextIndex > firstIndex) {
      before.truncateFrom(firstIndex, segment.header.prevTerm, segment.header.prevChain);
    }
    this.#segments = [...kept, segment];
    return replaced;
  }

  /** Takes the first `count` segments, never all, off the list. */
  dropFirst(count: number): void {
    this.#segments = this.#segments.slice(Math.min(count, this.#segments.length - 1));
  }

  /** Term of an entry or of the one before the first; null for any other index. */
  termAt(index: number): number | null {
    const first = (this.#segments[0] as Segment).header;
    return index === first.firstIndex - 1
      ? first.prevTerm
      : (this.holding(index)?.termAt(index) ?? null);
  }

  configs(): ConfigEntry[] {
    return this.#segments.flatMap((segment) => segment.configs);
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
