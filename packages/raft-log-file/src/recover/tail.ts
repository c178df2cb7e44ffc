import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import {
  FRAME_BYTES,
  frameFirstIndex,
  frameFlush,
  framePrevChain,
  isFrame,
} from "../format/flush-frame.ts";
import type { Segment } from "../segment/segment.ts";

const CHUNK_BYTES = 1 << 20;
const ZEROS: Buffer = Buffer.alloc(CHUNK_BYTES);

/** What stands behind the last good record of a segment. */
export interface Tail {
  readonly offset: number;
  /** After the last byte that is not zero, within the range looked at; `offset` when there is none. */
  readonly endOffset: number;
  /** The first frame with a higher number than the last good one; null for none. */
  readonly laterFrame: LaterFrame | null;
}

/** A frame behind a place where the log cannot be read on. */
export interface LaterFrame {
  readonly offset: number;
  readonly number: number;
  readonly firstIndex: number;
  readonly prevChain: number;
}

/**
 * Looks for later frames in every byte from `offset` to the end of the file, and up to `until` for
 * what a torn flush left: behind that, a recycled file holds bytes of its earlier life.
 */
export async function examineTail(
  file: StoredFile,
  fileBytes: number,
  segment: Segment,
  offset: number,
  until: number = fileBytes,
): Promise<Tail> {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let endOffset = offset;
  let laterFrame: LaterFrame | null = null;
  // Chunks overlap, so that no frame is missed between two.
  for (let at = offset; at < fileBytes; at += CHUNK_BYTES - FRAME_BYTES) {
    const bytes = await readInto(file, chunk, 0, Math.min(CHUNK_BYTES, fileBytes - at), at);
    if (chunk.compare(ZEROS, 0, bytes, 0, bytes) === 0) {
      continue;
    }
    laterFrame ??= findLaterFrame(chunk, bytes, at, segment);
    let end = Math.min(bytes, until - at);
    while (end > 0 && chunk[end - 1] === 0) {
      end--;
    }
    endOffset = end > 0 ? at + end : endOffset;
  }
  return { offset, endOffset, laterFrame };
}

function findLaterFrame(
  chunk: Buffer,
  end: number,
  chunkOffset: number,
  segment: Segment,
): LaterFrame | null {
  for (let at = 0; at < end; at += 8) {
    const isLater =
      isFrame(chunk, at, end, segment.seed) &&
      frameFlush(chunk, at) > segment.lastFlush &&
      frameFirstIndex(chunk, at) >= segment.nextIndex;
    if (isLater) {
      return {
        offset: chunkOffset + at,
        number: frameFlush(chunk, at),
        firstIndex: frameFirstIndex(chunk, at),
        prevChain: framePrevChain(chunk, at),
      };
    }
  }
  return null;
}
