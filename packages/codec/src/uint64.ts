// Hot path: per field. Bench: bench/fields.bench.ts.
import { CodecError } from "./errors.ts";

export const TWO_32 = 0x1_0000_0000;
/** The high half of 2^53-1. */
const MAX_HIGH = 0x1f_ffff;

/**
 * Reads a big-endian u64 as a number. The caller has checked that 8 bytes are there.
 * Throws DT_CODEC_UINT64_RANGE above 2^53-1.
 */
export function readUint64(buf: Uint8Array, pos: number): number {
  const high =
    ((buf[pos]! << 24) | (buf[pos + 1]! << 16) | (buf[pos + 2]! << 8) | buf[pos + 3]!) >>> 0;
  const low =
    ((buf[pos + 4]! << 24) | (buf[pos + 5]! << 16) | (buf[pos + 6]! << 8) | buf[pos + 7]!) >>> 0;
  return joinUint64(high, low);
}

/**
 * Writes `value` as a big-endian u64. The caller has checked that there is room for 8 bytes.
 * Throws DT_CODEC_UINT64_RANGE, before writing, unless it is an integer in 0..2^53-1.
 */
export function writeUint64(buf: Uint8Array, pos: number, value: number): void {
  const low = value >>> 0;
  // Fractions, negative numbers, infinities and NaN all leave a quotient that is no u21.
  const high = (value - low) / TWO_32;
  if (high >>> 0 !== high || high > MAX_HIGH) {
    throw outOfRange(value);
  }
  buf[pos] = high >>> 24;
  buf[pos + 1] = high >>> 16;
  buf[pos + 2] = high >>> 8;
  buf[pos + 3] = high;
  buf[pos + 4] = low >>> 24;
  buf[pos + 5] = low >>> 16;
  buf[pos + 6] = low >>> 8;
  buf[pos + 7] = low;
}

/** The number whose unsigned 32-bit halves are given. Throws DT_CODEC_UINT64_RANGE above 2^53-1. */
export function joinUint64(high: number, low: number): number {
  if (high > MAX_HIGH) {
    throw outOfRange(bits(high, low));
  }
  return high * TWO_32 + low;
}

/** The same for two's complement. Throws DT_CODEC_UINT64_RANGE beyond -(2^53-1) and 2^53-1. */
export function joinInt64(high: number, low: number): number {
  const value = (high | 0) * TWO_32 + low;
  if (!Number.isSafeInteger(value)) {
    throw outOfRange(BigInt.asIntN(64, bits(high, low)));
  }
  return value;
}

/** The same for protobuf's zigzag of sint64, where the lowest bit is the sign. */
export function joinSint64(high: number, low: number): number {
  const magnitude = (high >>> 1) * TWO_32 + (((low >>> 1) | (high << 31)) >>> 0);
  const value = (low & 1) === 0 ? magnitude : -magnitude - 1;
  if (!Number.isSafeInteger(value)) {
    throw outOfRange(bits(high, low));
  }
  return value;
}

/** Throws DT_CODEC_UINT64_RANGE unless `value` is an integer in 0..2^53-1. */
export function checkUnsigned(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw outOfRange(value);
  }
}

/** Throws DT_CODEC_UINT64_RANGE unless `value` is an integer in -(2^53-1)..2^53-1. */
export function checkSigned(value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw outOfRange(value);
  }
}

export function outOfRange(value: number | bigint): CodecError {
  return new CodecError({ code: "DT_CODEC_UINT64_RANGE", value: String(value) });
}

function bits(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
