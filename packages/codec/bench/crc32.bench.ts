// From which length on is native code cheaper than the tables?
import { crc32 as nativeCrc32 } from "node:zlib";
import { crc32 } from "@dt/codec";
import { heading, measure } from "./measure.ts";

const data = Buffer.allocUnsafeSlow(65_536).map((_, at) => (at * 31) ^ (at >> 8));
const buf = Buffer.from(data.buffer);

/** The tables alone: ranges too short for native code, chained. */
function tables(start: number, end: number, seed: number): number {
  let sum = seed;
  for (let pos = start; pos < end; pos += 256) {
    sum = crc32(buf, pos, Math.min(end, pos + 256), sum);
  }
  return sum;
}

heading("crc32");
for (const length of [4, 36, 128, 256, 320, 384, 512, 1024, 4096]) {
  const starts = 1023;
  measure(`${length} bytes: crc32`, (count) => {
    let sum = 0;
    for (let at = 0; at < count; at++) {
      sum = crc32(buf, at & starts, (at & starts) + length, sum);
    }
    return sum;
  });
  measure(`${length} bytes: tables`, (count) => {
    let sum = 0;
    for (let at = 0; at < count; at++) {
      sum = tables(at & starts, (at & starts) + length, sum);
    }
    return sum;
  });
  measure(`${length} bytes: zlib.crc32 of a view`, (count) => {
    let sum = 0;
    for (let at = 0; at < count; at++) {
      sum = nativeCrc32(buf.subarray(at & starts, (at & starts) + length), sum);
    }
    return sum;
  });
}
