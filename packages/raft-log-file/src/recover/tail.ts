import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import { FRAME_BYTES, frameFlush, isFrame } from "../format/flush-frame.ts";
import type { Segment } from "../segment/segment.ts";

const CHUNK_BYTES = 1 << 20;
const ZEROS: Buffer = Buffer.alloc(CHUNK_BYTES);

/** What stands behind the last good record of a segment. */
export interface Tail {
  readonly offset: number;
  /** After the last byte that is not zero; `offset` when there is none. */
  readonly endOffset: number;
  /** Offset of a frame with a higher number than the last good one; 0 for none. */
  readonly laterFrameOffset: number;
}

/** Looks at every byte from `offset` to the end of the file. */
export async function examineTail(
  file: StoredFile,
  fileBytes: number,
  segment: Segment,
  offset: number,
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
    let end = bytes;
    while (chunk[end - 1] === 0) {
      end--;
    }
    endOffset = at + end;
  }
  return { offset, endOffset, laterFrameOffset };
}

function findLaterFrame(chunk: Buffer, end: number, segment: Segment): number {
  for (let at = 0; at < end; at += 8) {
    if (isFrame(chunk, at, end, segment.seed) && frameFlush(chunk, at) > segment.lastFlush) {
      return at;
    }
  }
  return -1;
}
