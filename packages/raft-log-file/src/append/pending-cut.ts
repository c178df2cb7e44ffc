import type { LogReader } from "../read/log-reader.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/**
 * Where a truncation cuts the log: stored entries from there on leave it when the segment that the next flush begins
 * takes over. Until then they are there, and nothing that was synced is written over.
 */
export class PendingCut {
  readonly #segments: SegmentList;
  readonly #reader: LogReader;
  readonly #writer: SegmentWriter;
  /** 0 for none. */
  #from = 0;
  /** What that was before the write at the head of the queue. */
  #before = 0;

  constructor(segments: SegmentList, reader: LogReader, writer: SegmentWriter) {
    this.#segments = segments;
    this.#reader = reader;
    this.#writer = writer;
  }

  get isPending(): boolean {
    return this.#from > 0;
  }

  /** The index after the last entry that stays. */
  get nextIndex(): number {
    return this.isPending ? this.#from : this.#segments.nextIndex;
  }

  /** For a write: entries from `index` on are to go. Those behind the last one are none. */
  request(index: number): void {
    const { nextIndex } = this;
    this.#before = this.#from;
    if (index < nextIndex) {
      this.#from = index;
      this.#writer.abandon();
    }
  }

  /** For a write that is refused and of which a part is stored: its entries, from `index` on, are to go. */
  dropStored(index: number): void {
    this.#from = index;
  }

  /** Takes the last `request` back. */
  withdraw(): void {
    this.#from = this.#before;
    this.#writer.abandon();
  }

  /** The log is cut, or begins anew. */
  clear(): void {
    this.#from = 0;
    this.#before = 0;
  }

  /**
   * Lets the next flush begin a segment at the cut: at once, which is null, or once the entry before it was read. Throws
   * what reading throws.
   */
  begin(): Promise<void> | null {
    const from = this.#from;
    const first = (this.#segments.all[0] as Segment).header;
    if (from === first.firstIndex) {
      this.#writer.begin(from, first.prevTerm, first.prevChain, first.isBase);
      return null;
    }
    return this.#reader.termAndChain(from - 1).then(({ term, chain }) => {
      this.#writer.begin(from, term, chain);
    });
  }
}
