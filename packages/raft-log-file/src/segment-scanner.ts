import { type EntryBatch, scanRecords } from "@dt/raft";
import { readInto } from "./file-io.ts";
import type { StoredFile } from "./file-system.ts";
import {
  FRAME_BYTES,
  frameFirstIndex,
  frameFlush,
  framePrevChain,
  frameRecordBytes,
  isFrame,
} from "./flush-frame.ts";
import type { Segment } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";

const WINDOW_BYTES = 1 << 20;

/** Why a scan stopped before the end of the file. */
export interface ScanStop {
  readonly offset: number;
  /** What was expected and is not there. */
  readonly reason: "frame" | "length" | "order" | "chain" | "payload";
}

/** The records of one flush, or of what is left of it. The bytes are valid until the next call. */
export interface ScannedFlush {
  readonly flush: number;
  /** Offset of the first record. */
  readonly offset: number;
  readonly endOffset: number;
  readonly batches: readonly EntryBatch[];
}

/** Reads a segment from its first flush on, checking every byte that means something. */
export class SegmentScanner {
  readonly #file: StoredFile;
  readonly #fileBytes: number;
  readonly #seed: number;
  #window: Buffer = Buffer.allocUnsafeSlow(0);
  #windowAt = 0;
  #offset = SEGMENT_HEADER_BYTES;
  #flush = 0;
  #index: number;
  #term: number;
  #chain: number;
  #stop: ScanStop | null = null;

  constructor(file: StoredFile, fileBytes: number, segment: Segment) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#seed = segment.seed;
    this.#index = segment.header.firstIndex - 1;
    this.#term = segment.header.prevTerm;
    this.#chain = segment.header.prevChain;
  }

  /** What ended the scan; null while it goes on, and when the file was full. */
  get stop(): ScanStop | null {
    return this.#stop;
  }

  /** Number of the last flush whose frame was good. */
  get flush(): number {
    return this.#flush;
  }

  /** The next flush, or null when there is none that is good. */
  async next(): Promise<ScannedFlush | null> {
    if (this.#stop !== null || this.#offset + FRAME_BYTES > this.#fileBytes) {
      return null;
    }
    const frameAt = this.#offset;
    const frame = await this.#load(frameAt, FRAME_BYTES);
    if (!this.#continues(frame)) {
      this.#stop = { offset: frameAt, reason: "frame" };
      return null;
    }
    const flush = frameFlush(this.#window, frame);
    const recordsAt = frameAt + FRAME_BYTES;
    const wanted = frameRecordBytes(this.#window, frame);
    const length = Math.min(wanted, this.#fileBytes - recordsAt);
    this.#flush = flush;
    const start = await this.#load(recordsAt, length);
    const run = scanRecords(
      this.#window,
      start,
      start + length,
      this.#index,
      this.#term,
      this.#chain,
    );
    const endOffset = recordsAt + (run.end - start);
    const last = run.batches.at(-1);
    if (last !== undefined) {
      this.#index = last.lastIndex;
      this.#term = last.term;
      this.#chain = last.chain;
    }
    this.#offset = endOffset;
    // Recovery may have cut a flush short: then the next one's frame stands inside it.
    const isShort = run.fault !== null || length < wanted;
    if (isShort && !this.#continues(await this.#load(endOffset, FRAME_BYTES))) {
      this.#stop = { offset: endOffset, reason: run.fault?.reason ?? "length" };
    }
    return { flush, offset: recordsAt, endOffset, batches: run.batches };
  }

  /** True when the frame at `at` of the window is good and follows what was read. */
  #continues(at: number): boolean {
    const end = this.#window.length;
    return (
      isFrame(this.#window, at, end, this.#seed) &&
      frameFlush(this.#window, at) > this.#flush &&
      frameFirstIndex(this.#window, at) === this.#index + 1 &&
      framePrevChain(this.#window, at) === this.#chain
    );
  }

  /** Brings `[offset, offset + bytes)` of the file into the window, and returns where it is there. */
  async #load(offset: number, bytes: number): Promise<number> {
    const at = offset - this.#windowAt;
    if (at >= 0 && at + bytes <= this.#window.length) {
      return at;
    }
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), Math.max(0, this.#fileBytes - offset));
    const window = Buffer.allocUnsafeSlow(wanted);
    const read = await readInto(this.#file, window, 0, wanted, offset);
    this.#window = window.subarray(0, read);
    this.#windowAt = offset;
    return 0;
  }
}
