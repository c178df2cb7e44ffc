import { FLAGS_AT, FLAG_COMPRESSED, writeUint32 } from "../frame.ts";
import { Status } from "../status.ts";
import { Algorithm, HAS_ZSTD, compress, decompress } from "./algorithm.ts";
import type { RequestRefusalCode } from "../answer-code.ts";

/**
 * The largest body that is compressed, before it is. Bodies are compressed and decompressed at once,
 * between two frames; this much takes less than a millisecond with zstd, a few with gzip.
 */
export const MAX_COMPRESSED_BODY_BYTES: number = 256 * 1024;

/** u8 algorithm, u32 size of the body before it was compressed, then the compressed bytes. */
export const COMPRESSED_HEADER_BYTES = 5;

/** Why a compressed body cannot be read. */
export interface BadBody {
  readonly status: Status;
  readonly code: RequestRefusalCode;
  readonly message: string;
  readonly cause: unknown;
}

/** Compresses what one side sends. */
export class Compressor {
  readonly algorithm: Algorithm;
  /** Larger bodies are compressed. */
  readonly thresholdBytes: number;

  constructor(algorithm: Algorithm, thresholdBytes: number) {
    this.algorithm = algorithm;
    this.thresholdBytes = thresholdBytes;
  }

  /**
   * Compresses buf[start, end) in its place and returns the new end; the old one when the body is
   * left as it is, because it is too small, too large or does not get smaller.
   */
  shrink(buf: Buffer, start: number, end: number): number {
    const byteCount = end - start;
    if (byteCount <= this.thresholdBytes || byteCount > MAX_COMPRESSED_BODY_BYTES) {
      return end;
    }
    const compressed = compress(this.algorithm, buf.subarray(start, end));
    if (compressed.length + COMPRESSED_HEADER_BYTES >= byteCount) {
      return end;
    }
    buf[start] = this.algorithm;
    writeUint32(buf, start + 1, byteCount);
    buf.set(compressed, start + COMPRESSED_HEADER_BYTES);
    return start + COMPRESSED_HEADER_BYTES + compressed.length;
  }
}

/**
 * The frame, without its length field, that the compressed one in buf[start, end) stands for: its
 * body is expanded and the flag is gone.
 */
export function expandFrame(
  buf: Buffer,
  start: number,
  bodyStart: number,
  end: number,
  maxBytes: number,
): Buffer | BadBody {
  const body = expand(buf, bodyStart, end, maxBytes);
  if (!Buffer.isBuffer(body)) {
    return body;
  }
  const frame = Buffer.concat([buf.subarray(start, bodyStart), body]);
  frame[FLAGS_AT] = (frame[FLAGS_AT] as number) & ~FLAG_COMPRESSED;
  return frame;
}

/**
 * The body that buf[start, end) stands for, or why there is none. Never makes more than the body
 * says it is, which is at most `maxBytes` and MAX_COMPRESSED_BODY_BYTES.
 */
export function expand(
  buf: Buffer,
  start: number,
  end: number,
  maxBytes: number,
): Buffer | BadBody {
  if (end - start < COMPRESSED_HEADER_BYTES) {
    return bad("a compressed body that is too short", null);
  }
  const algorithm = buf[start];
  if (algorithm !== Algorithm.gzip && (algorithm !== Algorithm.zstd || !HAS_ZSTD)) {
    return bad(`compression ${String(algorithm)} is none of those that were agreed`, null);
  }
  const byteCount = buf.readUInt32BE(start + 1);
  const limit = Math.min(maxBytes, MAX_COMPRESSED_BODY_BYTES);
  if (byteCount === 0 || byteCount > limit) {
    const message = `a compressed body of ${byteCount} bytes, the limit is ${limit}`;
    const code = "DT_RPC_DECOMPRESSED_TOO_LARGE";
    return { status: Status.tooLarge, code, message, cause: null };
  }
  try {
    const body = decompress(
      algorithm,
      buf.subarray(start + COMPRESSED_HEADER_BYTES, end),
      byteCount,
    );
    return body.length === byteCount ? body : bad("a body that is shorter than it says", null);
  } catch (cause) {
    return bad("a compressed body that is damaged, or longer than it says", cause);
  }
}

function bad(message: string, cause: unknown): BadBody {
  return { status: Status.invalid, code: "DT_RPC_BAD_COMPRESSION", message, cause };
}
