import * as zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Algorithm, HAS_ZSTD } from "./algorithm.ts";
import { COMPRESSED_HEADER_BYTES, Compressor, expand } from "./compressed-body.ts";

const ALGORITHMS = HAS_ZSTD ? Object.values(Algorithm) : [Algorithm.gzip];
const MIB = 1024 * 1024;

function compressedBody(algorithm: Algorithm, byteCount: number, compressed: Buffer): Buffer {
  const header = Buffer.alloc(COMPRESSED_HEADER_BYTES);
  header[0] = algorithm;
  header.writeUInt32BE(byteCount, 1);
  return Buffer.concat([header, compressed]);
}

describe.each(ALGORITHMS)("algorithm %d", (algorithm) => {
  test("gives back what was shrunk, wherever it stands in its buffer", () => {
    const compressor = new Compressor(algorithm, 10);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat(100), (part, before) => {
        const body = Buffer.concat(Array.from({ length: 40 }, () => part));
        const buf = Buffer.concat([Buffer.alloc(before, 1), body]);
        const end = compressor.shrink(buf, before, buf.length);
        const plain = end === buf.length ? body : expand(buf, before, end, MIB);
        expect(buf.subarray(0, before)).toEqual(Buffer.alloc(before, 1));
        expect(plain).toEqual(body);
      }),
    );
  });

  test("stops a bomb at what it says it is, before it is made", () => {
    const zeros = Buffer.alloc(32 * MIB);
    const bomb = algorithm === Algorithm.gzip ? zlib.gzipSync(zeros) : zlib.zstdCompressSync(zeros);
    const body = compressedBody(algorithm, 5000, bomb);
    expect(expand(body, 0, body.length, MIB)).toMatchObject({
      code: "DT_RPC_BAD_COMPRESSION",
      cause: { code: "ERR_BUFFER_TOO_LARGE" },
    });
  });

  test("makes a body or a refusal of garbage, never a throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(1000), (garbage, byteCount) => {
        const body = compressedBody(algorithm, byteCount, Buffer.from(garbage));
        const plain = expand(body, 0, body.length, MIB);
        expect(Buffer.isBuffer(plain) ? plain.length : plain.code.slice(0, 7)).toBe(
          Buffer.isBuffer(plain) ? byteCount : "DT_RPC_",
        );
      }),
    );
  });

  test("makes no more than the receiver's largest frame", () => {
    const text = Buffer.alloc(3000, "a");
    const compressor = new Compressor(algorithm, 10);
    const buf = Buffer.from(text);
    const end = compressor.shrink(buf, 0, buf.length);
    expect(expand(buf, 0, end, 3000)).toEqual(text);
    expect(expand(buf, 0, end, 2999)).toMatchObject({ code: "DT_RPC_DECOMPRESSED_TOO_LARGE" });
  });
});
