// Hot path: per write. Bench: bench/store.bench.ts. No closures; a value that keeps its size class allocates nothing.
import type { ValueNode } from "./node.ts";

export const MAX_VALUE_BYTES: number = 1 << 20;

const SLAB_BYTES = 1 << 20;
/** Larger values get a buffer of their own. */
const PLACE_MAX_BYTES = 4096;
/** Up to here classes are 16 bytes apart, beyond it an eighth of the power of two below. */
const FINE_MAX_BYTES = 128;
const CLASS_COUNT = 96;

const NO_CLASS = 0;
const OWN_BUFFER = -1;
/** Where an empty value is. */
export const NOTHING: Buffer = Buffer.alloc(0);

/** Up to this many bytes a loop is cheaper than a call. */
const LOOP_MAX_BYTES = 48;

/**
 * Memory for the values of one tree, outside the heap of V8: slabs cut into places of equal size, one size to a
 * slab. A new value of the same size class overwrites the old one where it is; a freed place goes to the next value
 * of its class. Slabs are never given back. See decisions/0001-values-in-slabs.md.
 */
export class ValueSpace {
  readonly #classes: (SizeClass | null)[] = Array.from({ length: CLASS_COUNT }, () => null);

  /** Makes a copy of source[start, end) the value of `node`, in place of the one it has. */
  store(node: ValueNode, source: Buffer, start: number, end: number): void {
    const length = end - start;
    const sizeClass = classOf(length);
    if (sizeClass !== classOf(node.valueEnd - node.valueStart) || sizeClass === OWN_BUFFER) {
      this.free(node);
      this.#take(node, sizeClass, length);
    }
    const { valueBuf, valueStart } = node;
    node.valueEnd = valueStart + length;
    if (length > LOOP_MAX_BYTES) {
      source.copy(valueBuf, valueStart, start, end);
    } else {
      for (let from = start, to = valueStart; from < end; from++, to++) {
        valueBuf[to] = source[from] as number;
      }
    }
  }

  /** Leaves `node` with an empty value; its place may be used by another one at once. */
  free(node: ValueNode): void {
    const sizeClass = classOf(node.valueEnd - node.valueStart);
    if (sizeClass > NO_CLASS) {
      this.#classes[sizeClass]?.free(node.valueBuf, node.valueStart);
    }
    node.valueBuf = NOTHING;
    node.valueStart = 0;
    node.valueEnd = 0;
  }

  #take(node: ValueNode, sizeClass: number, length: number): void {
    if (sizeClass > NO_CLASS) {
      (this.#classes[sizeClass] ??= new SizeClass(classBytes(sizeClass))).take(node);
    } else if (sizeClass === OWN_BUFFER) {
      // Not from Node's pool: a slice of that would keep all of it alive.
      node.valueBuf = Buffer.allocUnsafeSlow(length);
    }
  }
}

/** The slabs for values of one size. */
class SizeClass {
  readonly #placeBytes: number;
  #slab: Buffer = NOTHING;
  /** Where the next place of the slab begins. */
  #next = 0;
  readonly #freeSlabs: Buffer[] = [];
  readonly #freeStarts: number[] = [];

  constructor(placeBytes: number) {
    this.#placeBytes = placeBytes;
  }

  take(node: ValueNode): void {
    const slab = this.#freeSlabs.pop();
    if (slab !== undefined) {
      node.valueBuf = slab;
      node.valueStart = this.#freeStarts.pop() as number;
      return;
    }
    if (this.#next + this.#placeBytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#next = 0;
    }
    node.valueBuf = this.#slab;
    node.valueStart = this.#next;
    this.#next += this.#placeBytes;
  }

  free(slab: Buffer, start: number): void {
    this.#freeSlabs.push(slab);
    this.#freeStarts.push(start);
  }
}

/** 16, 32, ... 128, then eight sizes to every doubling: at most an eighth of a place is unused. */
export function classOf(length: number): number {
  if (length <= FINE_MAX_BYTES) {
    return (length + 15) >> 4;
  }
  if (length > PLACE_MAX_BYTES) {
    return OWN_BUFFER;
  }
  const exponent = 31 - Math.clz32(length - 1);
  return (exponent << 3) | (((length - 1) >> (exponent - 3)) & 7);
}

/** Bytes of a place of this class. */
export function classBytes(sizeClass: number): number {
  if (sizeClass <= FINE_MAX_BYTES >> 4) {
    return sizeClass << 4;
  }
  return (9 + (sizeClass & 7)) << ((sizeClass >> 3) - 3);
}
