// Hot path: per record. Bench: bench/crc32.bench.ts.
import { crc32 as nativeCrc32 } from "node:zlib";

/** From this many bytes on, native code pays for the call and for the view that it needs. */
const NATIVE_MIN_BYTES = 384;

const POLYNOMIAL = 0xedb8_8320;
const [T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15] = slicingTables();

/**
 * CRC-32 as zlib, gzip and Ethernet define it, over buf[start, end), as an unsigned number. To go
 * on with a sum, pass it as the seed for the next range.
 */
export function crc32(buf: Buffer, start: number, end: number, seed: number = 0): number {
  if (end - start >= NATIVE_MIN_BYTES) {
    return nativeCrc32(buf.subarray(start, end), seed);
  }
  let crc = ~seed;
  let pos = start;
  for (; pos <= end - 16; pos += 16) {
    crc ^= buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24);
    crc =
      T15[crc & 255]! ^
      T14[(crc >>> 8) & 255]! ^
      T13[(crc >>> 16) & 255]! ^
      T12[crc >>> 24]! ^
      T11[buf[pos + 4]!]! ^
      T10[buf[pos + 5]!]! ^
      T9[buf[pos + 6]!]! ^
      T8[buf[pos + 7]!]! ^
      T7[buf[pos + 8]!]! ^
      T6[buf[pos + 9]!]! ^
      T5[buf[pos + 10]!]! ^
      T4[buf[pos + 11]!]! ^
      T3[buf[pos + 12]!]! ^
      T2[buf[pos + 13]!]! ^
      T1[buf[pos + 14]!]! ^
      T0[buf[pos + 15]!]!;
  }
  if (pos <= end - 8) {
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
    pos += 8;
  }
  for (; pos < end; pos++) {
    crc = T0[(crc ^ buf[pos]!) & 255]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

type T = Int32Array;
type Sixteen = [T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T];

/**
 * Table n advances a byte through n further zero bytes, so that sixteen bytes need no carry between
 * them.
 */
function slicingTables(): Sixteen {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    }
    first[byte] = crc;
  }
  const tables = [first];
  for (let last = first; tables.length < 16;) {
    last = last.map((crc) => (crc >>> 8) ^ first[crc & 255]!);
    tables.push(last);
  }
  return tables as Sixteen;
}
