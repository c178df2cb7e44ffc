// Hot path: per buffer. Bench: bench/slab-pool.bench.ts.
import assert from "node:assert";
import { OptionCheck } from "./options.ts";

export interface SlabPoolOptions {
  /** Size of each slab in bytes, 1..2^30. Default 64 KiB, what a socket delivers at once. */
  readonly slabBytes?: number;
  /**
   * Free slabs that are kept; released beyond it, a slab is left to the garbage collector. 0 keeps
   * none. Default 64.
   */
  readonly maxFreeSlabs?: number;
  /**
   * Finds slabs that are used after release, at the price of an allocation per release. Default
   * false.
   */
  readonly debug?: boolean;
}

export const SLAB_POOL_DEFAULTS: Readonly<Required<SlabPoolOptions>> = Object.freeze({
  slabBytes: 64 * 1024,
  maxFreeSlabs: 64,
  debug: false,
});

/** Throws DT_CODEC_OPTIONS naming every problem. */
export function resolveSlabPoolOptions(
  input: SlabPoolOptions,
): Readonly<Required<SlabPoolOptions>> {
  const options = { ...SLAB_POOL_DEFAULTS, ...input };
  const check = new OptionCheck("SlabPool", input, Object.keys(SLAB_POOL_DEFAULTS));
  check.integerIn("slabBytes", options.slabBytes, 1, 2 ** 30);
  check.integerIn("maxFreeSlabs", options.maxFreeSlabs, 0, 2 ** 20);
  check.boolean("debug", options.debug);
  check.finish();
  return Object.freeze(options);
}

/**
 * Reusable buffers of one size for receiving and encoding. A slab belongs to whoever acquired it
 * until it is released; views of it die with the release.
 *
 * In debug mode a release takes the memory away from the slab and all its views: they become empty,
 * Node's and the language's methods on them throw, an index finds nothing, `isLive` is false, and a
 * second release is an assertion failure.
 */
export class SlabPool {
  readonly options: Readonly<Required<SlabPoolOptions>>;
  readonly #free: Buffer[] = [];
  #inUseCount = 0;

  constructor(options: SlabPoolOptions = {}) {
    this.options = resolveSlabPoolOptions(options);
  }

  get freeCount(): number {
    return this.#free.length;
  }

  get inUseCount(): number {
    return this.#inUseCount;
  }

  /** Its contents are undefined. */
  acquire(): Buffer {
    this.#inUseCount++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.options.slabBytes);
  }

  /** Takes back a slab that `acquire` returned, not a view of it. */
  release(slab: Buffer): void {
    assert(
      slab.length === this.options.slabBytes && slab.byteOffset === 0,
      slab.length === 0 ? "the slab was released before" : "not a slab of this pool",
    );
    assert(this.#inUseCount > 0, "more slabs were released than acquired");
    this.#inUseCount--;
    const kept = this.options.debug ? takeAway(slab) : slab;
    if (this.#free.length < this.options.maxFreeSlabs) {
      this.#free.push(kept);
    }
  }

  /** Whether a slab or a view of one still has its memory. Always true without debug mode. */
  isLive(view: Buffer): boolean {
    const { buffer } = view;
    return !(buffer instanceof ArrayBuffer && buffer.detached);
  }
}

function takeAway(slab: Buffer): Buffer {
  const { buffer } = slab;
  assert(buffer instanceof ArrayBuffer, "not a slab of this pool");
  return Buffer.from(buffer.transfer());
}
