// Hot path: per record. Bench: bench/crc32.bench.ts.
import { crc32 as nativeCrc32 } from "node:zlib";

/** Below this many bytes the tables are cheaper than a call into native code with the view it needs. */
const NATIVE_MIN_BYTES = 192;

const POLYNOMIAL = 0xedb8_8320;
const [T0, T1, T2, T3, T4, T5, T6, T7] = slicingTables();

/**
 * CRC-32 as zlib, gzip and Ethernet define it, over buf[start, end), as an unsigned number.
 * A sum is continued by passing it as the seed of the next range.
 */
export function crc32(buf: Buffer, start: number, end: number, seed: number = 0): number {
  if (end - start >= NATIVE_MIN_BYTES) {
    return nativeCrc32(buf.subarray(start, end), seed);
  }
  let crc = ~seed;
  let pos = start;
  for (const last = end - 8; pos <= last; pos += 8) {
    crc ^= buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24);
    crc =
      T7[crc & 255]! ^
      T6[(crc >>> 8) & 255]! ^
      T5[(crc >>> 16) & 255]! ^
      T4[crc >>> 24]! ^
      T3[buf[pos + 4]!]! ^
      T2[buf[pos + 5]!]! ^
      T1[buf[pos + 6]!]! ^
      T0[buf[pos + 7]!]!;
  }
  for (; pos < end; pos++) {
    crc = T0[(crc ^ buf[pos]!) & 255]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

type Tables = [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** Table n advances a byte through n further zero bytes, so that eight bytes need no carry between them. */
function slicingTables(): Tables {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    }
    first[byte] = crc;
  }
  const next = (table: Int32Array): Int32Array =>
    table.map((crc) => (crc >>> 8) ^ first[crc & 255]!);
  const t1 = next(first);
  const t2 = next(t1);
  const t3 = next(t2);
  const t4 = next(t3);
  const t5 = next(t4);
  const t6 = next(t5);
  return [first, t1, t2, t3, t4, t5, t6, next(t6)];
}
