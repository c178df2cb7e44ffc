// What does a pooled slab cost beside an allocated one?
import { SlabPool } from "@dt/codec";
import { heading, measure } from "./measure.ts";

heading("slabs of 64 KiB, first and last page touched");
function touch(slab: Buffer): number {
  slab[0] = 1;
  slab[slab.length - 1] = 1;
  return slab.length;
}
for (const debug of [false, true]) {
  const pool = new SlabPool({ debug });
  measure(`acquire and release, debug ${debug}`, (count) => {
    let sum = 0;
    for (let at = 0; at < count; at++) {
      const slab = pool.acquire();
      sum += touch(slab);
      pool.release(slab);
    }
    return sum;
  });
}
measure("Buffer.allocUnsafeSlow", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += touch(Buffer.allocUnsafeSlow(65_536));
  }
  return sum;
});
