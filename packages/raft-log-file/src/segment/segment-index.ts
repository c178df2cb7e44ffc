import {
  type EntryBatch,
  recordHeaderCrc,
  recordLength,
  recordTimestamp,
  storedBytes,
} from "@dt/raft";

/** Where an entry's record stands in a segment. */
export interface IndexPoint {
  readonly index: number;
  readonly offset: number;
  /** Chain of the entry before `index`. */
  readonly prevChain: number;
  /** No entry of the segment before `index` is younger: milliseconds since the epoch; 0 for none. */
  readonly maxTimestampMs: number;
}

/** Bytes of log between two points: what a read of one entry may have to skip over. */
const POINT_INTERVAL_BYTES = 32 << 10;

/** Sparse positions of one segment, ascending; the first is the segment's first entry. */
export class SegmentIndex {
  #points: IndexPoint[];

  constructor(points: readonly IndexPoint[] = []) {
    this.#points = [...points];
  }

  get points(): readonly IndexPoint[] {
    return this.#points;
  }

  add(point: IndexPoint): void {
    this.#points.push(point);
  }

  /** Notes where a batch starts when the last point is far enough behind. */
  offer(batch: EntryBatch, offset: number, maxTimestampMs: number): void {
    if (this.#isDue(offset)) {
      const { firstIndex: index, prevChain } = batch;
      this.#points.push({ index, offset, prevChain, maxTimestampMs });
    }
  }

  /** As `offer`, also for the records inside the batch. */
  offerRecords(batch: EntryBatch, offset: number, before: number): void {
    const { bytes } = batch;
    let { firstIndex: index, prevChain } = batch;
    let maxTimestampMs = before;
    for (let at = 0; at < bytes.length; index++) {
      if (this.#isDue(offset + at)) {
        this.#points.push({ index, offset: offset + at, prevChain, maxTimestampMs });
      }
      prevChain = recordHeaderCrc(bytes, at);
      maxTimestampMs = Math.max(maxTimestampMs, recordTimestamp(bytes, at));
      at += storedBytes(recordLength(bytes, at));
    }
  }

  /** The last point before which every entry is older than a time; the first one at least. */
  beforeTime(timestampMs: number): IndexPoint | undefined {
    return this.#points.findLast((point) => point.maxTimestampMs < timestampMs) ?? this.#points[0];
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
    this.#points = this.#points.slice(0, this.#countUpTo(index - 1));
  }

  #isDue(offset: number): boolean {
    const last = this.#points.at(-1);
    return last === undefined || offset - last.offset >= POINT_INTERVAL_BYTES;
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
