import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import { FRAME_BYTES, frameFirstIndex, frameFlush, isFrame } from "../format/flush-frame.ts";
import type { Segment } from "../segment/segment.ts";

const CHUNK_BYTES = 1 << 20;
const ZEROS: Buffer = Buffer.alloc(CHUNK_BYTES);

/** What stands behind the last good record of a segment. */
export interface Tail {
  readonly offset: number;
  /** After the last byte that is not zero, within the range looked at; `offset` when there is none. */
  readonly endOffset: number;
  /** Offset of a frame with a higher number than the last good one; 0 for none. */
  readonly laterFrameOffset: number;
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
  let laterFrameOffset = 0;
  // Chunks overlap, so that no frame is missed between two.
  for (let at = offset; at < fileBytes; at += CHUNK_BYTES - FRAME_BYTES) {
    const bytes = await readInto(file, chunk, 0, Math.min(CHUNK_BYTES, fileBytes - at), at);
    if (chunk.compare(ZEROS, 0, bytes, 0, bytes) === 0) {
      continue;
    }
    if (laterFrameOffset === 0) {
      const found = findLaterFrame(chunk, bytes, segment);
      laterFrameOffset = found < 0 ? 0 : at + found;
    }
    let end = Math.min(bytes, until - at);
    while (end > 0 && chunk[end - 1] === 0) {
      end--;
    }
    endOffset = end > 0 ? at + end : endOffset;
  }
  return { offset, endOffset, laterFrameOffset };
}

function findLaterFrame(chunk: Buffer, end: number, segment: Segment): number {
  for (let at = 0; at < end; at += 8) {
    const isLater =
      isFrame(chunk, at, end, segment.seed) &&
      frameFlush(chunk, at) > segment.lastFlush &&
      frameFirstIndex(chunk, at) >= segment.nextIndex;
    if (isLater) {
      return at;
    }
  }
  return -1;
}
