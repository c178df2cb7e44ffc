import type { EntryBatch } from "@dt/raft";
import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import {
  FRAME_BYTES,
  frameFirstIndex,
  frameFlush,
  framePrevChain,
  frameRecordBytes,
  isFrame,
} from "../format/flush-frame.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { scanBulk } from "../read/scan-bulk.ts";
import type { Segment } from "../segment/segment.ts";
import type { LaterFrame } from "./tail.ts";

const WINDOW_BYTES = 1 << 20;

/** Where a scan stopped before the end of the file, and what was expected there. */
export interface ScanStop {
  readonly offset: number;
  /** Where the flush around `offset` ends by its frame; `offset` itself between two flushes. */
  readonly flushEnd: number;
  readonly missing: "frame" | "length" | "order" | "chain" | "payload";
}

/** The records of one flush, or what is left of them. */
export interface ScannedFlush {
  readonly number: number;
  readonly frameOffset: number;
  /** Offset of the first record. */
  readonly offset: number;
  /** In this order, back to back; views of bytes that stay as they are. */
  readonly batches: readonly EntryBatch[];
}

/** Reads a segment from its first flush on, checking every byte that means something. */
export class SegmentScanner {
  readonly #file: StoredFile;
  #fileBytes: number;
  readonly #seed: number;
  #window: Buffer = Buffer.alloc(0);
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

  /** What ended the scan; null while it goes on, and when the file is full. */
  get stop(): ScanStop | null {
    return this.#stop;
  }

  /** Looks again at the place where the scan stopped: the file may have changed. */
  resume(fileBytes: number): void {
    this.#fileBytes = fileBytes;
    this.#window = Buffer.alloc(0);
    this.#stop = null;
  }

  /** Goes on at a frame behind what cannot be read; the term there is not known. */
  seek(frame: LaterFrame): void {
    this.#offset = frame.offset;
    this.#flush = frame.number - 1;
    this.#index = frame.firstIndex - 1;
    this.#term = 0;
    this.#chain = frame.prevChain;
    this.#stop = null;
  }

  /** The next flush, or null when there is none that is good. */
  async next(): Promise<ScannedFlush | null> {
    if (this.#stop !== null || this.#offset + FRAME_BYTES > this.#fileBytes) {
      return null;
    }
    const frameOffset = this.#offset;
    const frameAt = await this.#load(frameOffset, FRAME_BYTES);
    if (!this.#isNextFrame(frameAt)) {
      this.#stop = { offset: frameOffset, flushEnd: frameOffset, missing: "frame" };
      return null;
    }
    this.#flush = frameFlush(this.#window, frameAt);
    const offset = frameOffset + FRAME_BYTES;
    const wanted = frameRecordBytes(this.#window, frameAt);
    const bytes = Math.min(wanted, this.#fileBytes - offset);
    const at = await this.#load(offset, bytes);
    const before = [this.#index, this.#term, this.#chain] as const;
    const run = scanBulk(this.#window, at, at + bytes, ...before);
    const last = run.batches.at(-1);
    if (last !== undefined) {
      this.#index = last.lastIndex;
      this.#term = last.term;
      this.#chain = last.chain;
    }
    this.#offset = offset + (run.end - at);
    const isCut = run.fault !== null || bytes < wanted;
    // A flush that recovery has cut off ends where the frame of the next one stands.
    if (isCut && !this.#isNextFrame(await this.#load(this.#offset, FRAME_BYTES))) {
      const missing = run.fault?.reason ?? "length";
      this.#stop = { offset: this.#offset, flushEnd: offset + bytes, missing };
    }
    return { number: this.#flush, frameOffset, offset, batches: run.batches };
  }

  /** True when the frame at `at` of the window is good and follows what was read. */
  #isNextFrame(at: number): boolean {
    const window = this.#window;
    return (
      isFrame(window, at, window.length, this.#seed) &&
      frameFlush(window, at) > this.#flush &&
      frameFirstIndex(window, at) === this.#index + 1 &&
      framePrevChain(window, at) === this.#chain
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
