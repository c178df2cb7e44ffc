import * as zlib from "node:zlib";
import { Capability } from "../capabilities.ts";

/** How a body is compressed: the first byte of a compressed body. */
export const Algorithm = { gzip: 1, zstd: 2 } as const;
export type Algorithm = (typeof Algorithm)[keyof typeof Algorithm];

/** Node has zstd from 22.15 and 23.8 on. */
export const HAS_ZSTD: boolean = typeof zlib.zstdCompressSync === "function";

/** What this process can decompress, the better one first. */
export const COMPRESSION_CAPABILITIES: readonly string[] = HAS_ZSTD
  ? [Capability.zstd, Capability.gzip]
  : [Capability.gzip];

/** The best algorithm that both sides know; null when there is none. */
export function agreedAlgorithm(peerCapabilities: readonly string[]): Algorithm | null {
  if (HAS_ZSTD && peerCapabilities.includes(Capability.zstd)) {
    return Algorithm.zstd;
  }
  return peerCapabilities.includes(Capability.gzip) ? Algorithm.gzip : null;
}

const LEVEL = 1;
/** The memory that a peer can make this side use for one body: 2^21 bytes. */
const MAX_WINDOW_LOG = 21;

/** At the fastest level. */
export function compress(algorithm: Algorithm, body: Buffer): Buffer {
  if (algorithm === Algorithm.gzip) {
    return zlib.gzipSync(body, { level: LEVEL });
  }
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL };
  return zlib.zstdCompressSync(body, { params, pledgedSrcSize: body.length });
}

/** Throws for what is not of this algorithm, and for more than `maxBytes`. */
export function decompress(algorithm: Algorithm, bytes: Buffer, maxBytes: number): Buffer {
  if (algorithm === Algorithm.gzip) {
    return zlib.gunzipSync(bytes, { maxOutputLength: maxBytes });
  }
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
  return zlib.zstdDecompressSync(bytes, { params, maxOutputLength: maxBytes });
}
