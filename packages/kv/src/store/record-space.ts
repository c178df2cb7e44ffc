// Hot path: per write. Bench: bench/store.bench.ts. No closures; a record that keeps its size class allocates nothing.
import type { Node } from "./node.ts";
import { RECORD_HEAD_BYTES, updateHead, writeNewHead } from "./record.ts";

const SLAB_BYTES = 1 << 20;
/** Larger records get a buffer of their own. */
const PLACE_MAX_BYTES = 4096;
/** Up to here classes are 16 bytes apart, beyond it an eighth of the power of two below. */
const FINE_MAX_BYTES = 128;
const CLASS_COUNT = 96;
const OWN_BUFFER = -1;

/** The record of a node that is in no tree. */
export const NO_RECORD: Buffer = Buffer.alloc(0);

/** Up to this many bytes a loop is cheaper than a call. */
const LOOP_MAX_BYTES = 48;

/**
 * Memory for the records of one tree, outside the heap of V8: slabs cut into places of equal size, one size to a
 * slab. A record that stays in its size class is overwritten where it is; a freed place goes to the next record of
 * its class. Slabs are never given back. See decisions/0001-records-in-slabs.md.
 */
export class RecordSpace {
  readonly #classes: (SizeClass | null)[] = Array.from({ length: CLASS_COUNT }, () => null);

  /** Gives a node without a record its first one. The value is a copy of source[start, end). */
  create(
    node: Node,
    revision: number,
    timestampMs: number,
    source: Buffer,
    start: number,
    end: number,
  ): void {
    const bytes = RECORD_HEAD_BYTES + end - start;
    this.#take(node, classOf(bytes), bytes);
    writeNewHead(node.recordBuf, node.recordStart, revision, timestampMs);
    copyBytes(source, start, end, node.recordBuf, node.recordStart + RECORD_HEAD_BYTES);
  }

  /** Gives a node without a record a copy of source[start, end), a whole record. */
  restore(node: Node, source: Buffer, start: number, end: number): void {
    this.#take(node, classOf(end - start), end - start);
    source.copy(node.recordBuf, node.recordStart, start, end);
  }

  /** Notes a write in the record of a node. The new value is a copy of source[start, end). */
  update(
    node: Node,
    revision: number,
    timestampMs: number,
    source: Buffer,
    start: number,
    end: number,
  ): void {
    const { recordBuf: oldBuf, recordStart: oldStart } = node;
    const bytes = RECORD_HEAD_BYTES + end - start;
    const sizeClass = classOf(bytes);
    const oldClass = classOf(node.recordEnd - oldStart);
    if (sizeClass !== oldClass || sizeClass === OWN_BUFFER) {
      this.#take(node, sizeClass, bytes);
      oldBuf.copy(node.recordBuf, node.recordStart, oldStart, oldStart + RECORD_HEAD_BYTES);
      this.#release(oldClass, oldBuf, oldStart);
    }
    const { recordBuf, recordStart } = node;
    node.recordEnd = recordStart + bytes;
    updateHead(recordBuf, recordStart, revision, timestampMs);
    copyBytes(source, start, end, recordBuf, recordStart + RECORD_HEAD_BYTES);
  }

  /** Leaves `node` without a record; its place may be used by another one at once. */
  free(node: Node): void {
    this.#release(classOf(node.recordEnd - node.recordStart), node.recordBuf, node.recordStart);
    node.recordBuf = NO_RECORD;
    node.recordStart = 0;
    node.recordEnd = 0;
  }

  #take(node: Node, sizeClass: number, bytes: number): void {
    if (sizeClass === OWN_BUFFER) {
      // Not from Node's pool: a slice of that would keep all of it alive.
      node.recordBuf = Buffer.allocUnsafeSlow(bytes);
      node.recordStart = 0;
    } else {
      (this.#classes[sizeClass] ??= new SizeClass(classBytes(sizeClass))).take(node);
    }
    node.recordEnd = node.recordStart + bytes;
  }

  #release(sizeClass: number, buf: Buffer, start: number): void {
    if (sizeClass !== OWN_BUFFER) {
      this.#classes[sizeClass]?.release(buf, start);
    }
  }
}

/** The slabs for records of one size. */
class SizeClass {
  readonly #placeBytes: number;
  #slab: Buffer = NO_RECORD;
  /** Where the next place of the slab begins. */
  #next = 0;
  readonly #freeSlabs: Buffer[] = [];
  readonly #freeStarts: number[] = [];

  constructor(placeBytes: number) {
    this.#placeBytes = placeBytes;
  }

  take(node: Node): void {
    const slab = this.#freeSlabs.pop();
    if (slab !== undefined) {
      node.recordBuf = slab;
      node.recordStart = this.#freeStarts.pop() as number;
      return;
    }
    if (this.#next + this.#placeBytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#next = 0;
    }
    node.recordBuf = this.#slab;
    node.recordStart = this.#next;
    this.#next += this.#placeBytes;
  }

  release(slab: Buffer, start: number): void {
    this.#freeSlabs.push(slab);
    this.#freeStarts.push(start);
  }
}

/** 16, 32, ... 128, then eight sizes to every doubling: at most an eighth of a place is unused. */
export function classOf(bytes: number): number {
  if (bytes <= FINE_MAX_BYTES) {
    return (bytes + 15) >> 4;
  }
  if (bytes > PLACE_MAX_BYTES) {
    return OWN_BUFFER;
  }
  const exponent = 31 - Math.clz32(bytes - 1);
  return (exponent << 3) | (((bytes - 1) >> (exponent - 3)) & 7);
}

/** Bytes of a place of this class. */
export function classBytes(sizeClass: number): number {
  if (sizeClass <= FINE_MAX_BYTES >> 4) {
    return sizeClass << 4;
  }
  return (9 + (sizeClass & 7)) << ((sizeClass >> 3) - 3);
}

function copyBytes(source: Buffer, start: number, end: number, target: Buffer, at: number): void {
  if (end - start > LOOP_MAX_BYTES) {
    source.copy(target, at, start, end);
  } else {
    for (let from = start, to = at; from < end; from++, to++) {
      target[to] = source[from] as number;
    }
  }
}
