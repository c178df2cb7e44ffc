import { SlabPool } from "@dt/codec";

const KIB = 1024;

// Sizes of round numbers get some room for headers. What is kept free adds up to 32 MiB.
const POOLS: readonly SlabPool[] = [
  new SlabPool({ slabBytes: 64 * KIB, maxFreeSlabs: 256 }),
  new SlabPool({ slabBytes: (256 + 16) * KIB, maxFreeSlabs: 16 }),
  new SlabPool({ slabBytes: (1024 + 64) * KIB, maxFreeSlabs: 4 }),
  new SlabPool({ slabBytes: (4096 + 64) * KIB, maxFreeSlabs: 2 }),
];

/** A slab of at least `byteCount` bytes, or the largest there is. All connections share them. */
export function acquireSlab(byteCount: number): Buffer {
  let pool = POOLS[0];
  for (const larger of POOLS) {
    pool = larger;
    if (larger.options.slabBytes >= byteCount) {
      break;
    }
  }
  if (pool === undefined) {
    throw new Error("there is no slab pool");
  }
  return pool.acquire();
}

/** Takes back what `acquireSlab` returned; any other buffer is left to the garbage collector. */
export function releaseSlab(slab: Buffer): void {
  for (const pool of POOLS) {
    if (pool.options.slabBytes === slab.length) {
      pool.release(slab);
      return;
    }
  }
}
