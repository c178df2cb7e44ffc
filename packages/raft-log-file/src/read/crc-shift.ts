// Hot path: per record of a long read. Bench: dt bench restart. No closures, no views.
import { crc32 } from "@dt/codec";

const POWER_COUNT = 25;
/** Most bytes that a crc can be shifted by. */
export const MAX_SHIFT_BYTES: number = 2 ** POWER_COUNT - 1;

/** Four tables of 256 for each power of two: what this many zero bytes make of each byte of a sum. */
const POWERS: readonly Int32Array[] = makePowers(POWER_COUNT);

/**
 * What `bytes` more bytes make of a crc, apart from what is in them: for all A and B,
 * `crc(A B) = shiftCrc(crc(A), length of B) ^ crc(B)`. A crc is linear in its seed; zlib's `crc32_combine`
 * rests on the same. At most `MAX_SHIFT_BYTES`.
 */
export function shiftCrc(crc: number, bytes: number): number {
  let sum = crc | 0;
  for (let left = bytes; left > 0;) {
    const power = 31 - Math.clz32(left);
    sum = shiftBy(POWERS[power] as Int32Array, sum);
    left ^= 1 << power;
  }
  return sum >>> 0;
}

function shiftBy(table: Int32Array, sum: number): number {
  return (
    (table[sum & 255] as number) ^
    (table[256 + ((sum >>> 8) & 255)] as number) ^
    (table[512 + ((sum >>> 16) & 255)] as number) ^
    (table[768 + (sum >>> 24)] as number)
  );
}

function makePowers(count: number): Int32Array[] {
  const zero = Buffer.alloc(1);
  const ofNothing = crc32(zero, 0, 1);
  const powers = [tableOf((sum) => crc32(zero, 0, 1, sum >>> 0) ^ ofNothing)];
  while (powers.length < count) {
    const last = powers.at(-1) as Int32Array;
    powers.push(tableOf((sum) => shiftBy(last, shiftBy(last, sum))));
  }
  return powers;
}

function tableOf(apply: (sum: number) => number): Int32Array {
  return Int32Array.from({ length: 1024 }, (_, i) => apply((i & 255) << (8 * (i >> 8))));
}
