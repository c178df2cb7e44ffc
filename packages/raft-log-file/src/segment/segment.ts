import {
  type ConfigEntry,
  type EntryBatch,
  EntryType,
  RECORD_HEADER_BYTES,
  recordLength,
  recordTimestamp,
  recordType,
  storedBytes,
  type TermRun,
} from "@dt/raft";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { IndexHint } from "../format/index-hint.ts";
import {
  encodeSegmentHeader,
  SALT_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../format/segment-header.ts";
import { SegmentIndex } from "./segment-index.ts";

const NAME_DIGITS = 20;
const NAME = /^\d{20}\.log$/;

export function segmentName(firstIndex: number): string {
  return `${String(firstIndex).padStart(NAME_DIGITS, "0")}.log`;
}

export function isSegmentName(name: string): boolean {
  return NAME.test(name);
}

/**
 * What is known of one segment file: which entries it holds and where. Invariants:
 * header.firstIndex <= nextIndex; the record of nextIndex - 1 ends at or before endOffset; the index
 * and the term runs cover header.firstIndex to nextIndex - 1.
 */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  /** Crc of the header: seeds the frames. */
  readonly seed: number;
  index = new SegmentIndex();
  termRuns: TermRun[] = [];
  /** The CONFIG entries, ascending. */
  configs: ConfigEntry[] = [];
  /** No entry is younger: milliseconds since the epoch; 0 for none. Not lowered by a truncation. */
  maxTimestampMs = 0;
  nextIndex: number;
  lastTerm: number;
  lastChain: number;
  /** Number of the last flush; 0 for none. Not kept for segments with a successor. */
  lastFlush = 0;
  endOffset = SEGMENT_HEADER_BYTES;
  /** The positions are from a hint, which nobody has compared with the records yet. */
  isHinted = false;
  /** Reads under way; the file stays as it is as long as there are any. */
  readers = 0;
  #onUnread: (() => void) | null = null;

  constructor(path: string, header: SegmentHeader, seed: number) {
    this.path = path;
    this.header = header;
    this.seed = seed;
    this.nextIndex = header.firstIndex;
    this.lastTerm = header.prevTerm;
    this.lastChain = header.prevChain;
  }

  get isEmpty(): boolean {
    return this.nextIndex === this.header.firstIndex;
  }

  /** Takes note of entries that stand at `offset`, behind the last ones. */
  extend(batch: EntryBatch, offset: number): void {
    this.index.offer(batch, offset, this.maxTimestampMs);
    this.#append(batch, offset);
  }

  /** As `extend`, with positions inside the batch. */
  extendFinely(batch: EntryBatch, offset: number): void {
    this.index.offerRecords(batch, offset, this.maxTimestampMs);
    this.#append(batch, offset);
  }

  /** Leaves out entries that cannot be read; those from `nextIndex` on stand at `offset`. */
  skipTo(nextIndex: number, lastChain: number, offset: number): void {
    this.index.add({ index: nextIndex, offset, prevChain: lastChain, maxTimestampMs: Infinity });
    this.nextIndex = nextIndex;
    this.lastChain = lastChain;
    this.endOffset = offset;
  }

  /** Forgets the entries at and above `index`; the one before it has this term and chain. */
  truncateFrom(index: number, lastTerm: number, lastChain: number): void {
    this.index.truncateFrom(index);
    this.termRuns = this.termRuns.filter((run) => run.firstIndex < index);
    this.configs = this.configs.filter((config) => config.index < index);
    this.nextIndex = index;
    this.lastTerm = lastTerm;
    this.lastChain = lastChain;
  }

  /** What stands in the segment's hint. */
  hint(): IndexHint {
    const { seed, nextIndex, endOffset, maxTimestampMs, termRuns, configs } = this;
    const { points } = this.index;
    return { seed, nextIndex, endOffset, maxTimestampMs, points, termRuns, configs };
  }

  /** Term of an entry that the segment holds. */
  termAt(index: number): number {
    return this.termRuns.findLast((run) => run.firstIndex <= index)?.term ?? this.header.prevTerm;
  }

  /** Ends a read: `readers` was raised when it began. */
  release(): void {
    this.readers--;
    if (this.readers === 0) {
      this.#onUnread?.();
    }
  }

  /** Resolves when no read is under way. */
  whenUnread(): Promise<void> {
    return this.readers === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#onUnread = resolve;
        });
  }

  #append(batch: EntryBatch, offset: number): void {
    if (this.termRuns.at(-1)?.term !== batch.term) {
      this.termRuns.push({ firstIndex: batch.firstIndex, term: batch.term });
    }
    this.#noteRecords(batch);
    this.nextIndex = batch.lastIndex + 1;
    this.lastTerm = batch.term;
    this.lastChain = batch.chain;
    this.endOffset = offset + batch.bytes.length;
  }

  #noteRecords(batch: EntryBatch): void {
    const { bytes, term } = batch;
    let { maxTimestampMs } = this;
    for (let at = 0, index = batch.firstIndex; at < bytes.length; index++) {
      const length = recordLength(bytes, at);
      const timestampMs = recordTimestamp(bytes, at);
      if (timestampMs > maxTimestampMs) {
        maxTimestampMs = timestampMs;
      }
      if (recordType(bytes, at) === EntryType.config) {
        const payload = Buffer.from(bytes.subarray(at + RECORD_HEADER_BYTES, at + length));
        this.configs.push({ index, term, payload });
      }
      at += storedBytes(length);
    }
    this.maxTimestampMs = maxTimestampMs;
  }
}

export type NewSegmentFields = Omit<SegmentHeader, "salt">;

/** A segment that begins here. Its header block is written to the start of `into`. */
export function newSegment(directory: string, fields: NewSegmentFields, into: Buffer): Segment {
  const header: SegmentHeader = { ...fields, salt: randomBytes(SALT_BYTES) };
  const seed = encodeSegmentHeader(header, into, 0);
  return new Segment(join(directory, segmentName(header.firstIndex)), header, seed);
}
