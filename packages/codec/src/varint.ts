// Hot path: per field. Bench: bench/fields.bench.ts.
import { checkUnsigned } from "./uint64.ts";

/** The longest encoding of a 64-bit varint. */
export const MAX_VARINT_BYTES = 10;

/**
 * Bytes that `value` takes as a varint. Throws DT_CODEC_UINT64_RANGE unless it is an integer in
 * 0..2^53-1.
 */
export function varintLength(value: number): number {
  checkUnsigned(value);
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) {
    length++;
  }
  return length;
}

/**
 * Writes `value` as a little-endian base-128 varint and returns the position after it. The caller
 * has made room and checked that the value is an integer in 0..2^53-1.
 */
export function writeVarint(buf: Uint8Array, pos: number, value: number): number {
  let at = pos;
  let rest = value;
  while (rest > 0x7fff_ffff) {
    buf[at++] = (rest & 127) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest > 127) {
    buf[at++] = rest | 128;
    rest >>>= 7;
  }
  buf[at] = rest;
  return at + 1;
}
