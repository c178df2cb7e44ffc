import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { SLAB_POOL_DEFAULTS, SlabPool } from "./slab-pool.ts";

describe("SlabPool", () => {
  it.each([true, false])("hands out a released slab's memory again (debug %s)", (debug) => {
    const pool = new SlabPool({ slabBytes: 100, debug });
    const first = pool.acquire();
    const second = pool.acquire();
    expect([first.length, second.length, pool.inUseCount]).toEqual([100, 100, 2]);
    expect(first.buffer).not.toBe(second.buffer);
    first.fill(7);
    pool.release(first);
    expect([pool.inUseCount, pool.freeCount]).toEqual([1, 1]);
    const third = pool.acquire();
    expect(third).toEqual(Buffer.alloc(100, 7));
    expect([pool.inUseCount, pool.freeCount]).toEqual([2, 0]);
  });

  it.each([true, false])("keeps no more free slabs than it may (debug %s)", (debug) => {
    const pool = new SlabPool({ slabBytes: 8, maxFreeSlabs: 2, debug });
    const slabs = [pool.acquire(), pool.acquire(), pool.acquire()];
    for (const slab of slabs) {
      pool.release(slab);
    }
    expect([pool.inUseCount, pool.freeCount]).toEqual([0, 2]);
  });

  it("finds a second release in debug mode, also when the memory is in use again", () => {
    const pool = new SlabPool({ slabBytes: 64, debug: true });
    const slab = pool.acquire();
    const other = pool.acquire();
    pool.release(slab);
    expect(() => pool.release(slab)).toThrow("released before");
    const again = pool.acquire();
    expect(() => pool.release(slab)).toThrow("released before");
    expect([pool.isLive(again), pool.isLive(other), pool.inUseCount]).toEqual([true, true, 2]);
  });

  it("finds use after release in debug mode, through the slab and through its views", () => {
    const pool = new SlabPool({ slabBytes: 64, debug: true });
    const slab = pool.acquire();
    const view = slab.subarray(8, 16);
    expect([pool.isLive(slab), pool.isLive(view)]).toEqual([true, true]);
    pool.release(slab);
    expect([pool.isLive(slab), pool.isLive(view)]).toEqual([false, false]);
    expect([slab.length, view.length]).toEqual([0, 0]);
    expect(() => view.readUInt32BE(0)).toThrow(RangeError);
    expect(() => slab.fill(9)).toThrow(TypeError);
    expect(() => view.set([9])).toThrow(TypeError);
    const again = pool.acquire();
    again.fill(1);
    view[0] = 9;
    expect(again).toEqual(Buffer.alloc(64, 1));
  });

  it.each([true, false])("refuses what it did not hand out (debug %s)", (debug) => {
    const pool = new SlabPool({ slabBytes: 64, debug });
    const slab = pool.acquire();
    expect(() => pool.release(Buffer.alloc(63))).toThrow("not a slab");
    expect(() => pool.release(slab.subarray(1))).toThrow("not a slab");
    pool.release(slab);
    expect(() => pool.release(Buffer.allocUnsafeSlow(64))).toThrow("more slabs");
  });

  it("fills in defaults, refuses unknown and impossible options together, changes no input", () => {
    expect(new SlabPool().options).toEqual(SLAB_POOL_DEFAULTS);
    const input = { slabBytes: 10 };
    expect(new SlabPool(input).options).toEqual({ ...SLAB_POOL_DEFAULTS, slabBytes: 10 });
    expect(input).toEqual({ slabBytes: 10 });
    const bad = { slabBytes: 0, maxFreeSlabs: -1, debug: 1, slabSize: 3 };
    const make = () => new SlabPool(bad as object);
    expect(codeOf(make)).toBe("DT_CODEC_OPTIONS");
    for (const name of ["slabBytes must", "maxFreeSlabs must", "debug must", "slabSize is not"]) {
      expect(make).toThrow(name);
    }
  });
});
