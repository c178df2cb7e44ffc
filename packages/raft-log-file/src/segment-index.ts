/** Where an entry's record, or the frame in front of it, stands in a segment. */
export interface IndexPoint {
  readonly index: number;
  readonly offset: number;
  /** Chain of the entry before `index`. */
  readonly prevChain: number;
}

/** Bytes of log between two points: what a read of one entry may have to skip over. */
const POINT_INTERVAL_BYTES = 32 << 10;

/** Sparse positions of one segment, ascending; the first is the segment's first entry. */
export class SegmentIndex {
  readonly #points: IndexPoint[] = [];

  /** Notes a point when the last one is far enough behind. */
  offer(index: number, offset: number, prevChain: number): void {
    const last = this.#points.at(-1);
    if (last === undefined || offset - last.offset >= POINT_INTERVAL_BYTES) {
      this.#points.push({ index, offset, prevChain });
    }
  }

  /** The last point at or before `index`; undefined before the first. */
  floor(index: number): IndexPoint | undefined {
    return this.#points[this.#countUpTo(index) - 1];
  }

  /** The first point after `index`; undefined behind the last. */
  after(index: number): IndexPoint | undefined {
    return this.#points[this.#countUpTo(index)];
  }

  /** Drops the points at and above `index`. */
  truncateFrom(index: number): void {
    this.#points.length = this.#countUpTo(index - 1);
  }

  get points(): readonly IndexPoint[] {
    return this.#points;
  }

  #countUpTo(index: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle] as IndexPoint).index <= index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
