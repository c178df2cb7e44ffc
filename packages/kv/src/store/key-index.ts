// Hot path: per operation. Bench: bench/store.bench.ts. No closures, no views, no strings.
import { randomInt } from "node:crypto";
import type { ByteKey } from "./byte-key.ts";
import { MAX_KEY_BYTES } from "./byte-key.ts";
import type { Node } from "./node.ts";

const INITIAL_SLOTS = 64;
/** Slots per node are kept between 1.5 and 3: short probes for few bytes. */
const FULL_NUMERATOR = 2;
const FULL_DENOMINATOR = 3;
/** In place of a hash: the slot is free. */
const FREE = 0;

/**
 * Finds nodes by the bytes of their keys, right where they lie in a request or log entry: a Map would need a
 * string of them first, which costs as much as the search. Open addressing with linear probing; the hash of each
 * node stands beside its slot, so that other nodes are hardly ever looked at.
 */
export class KeyIndex {
  /** Differs from process to process, so that nobody can choose keys that collide. */
  readonly #seed: number = randomInt(2 ** 32) | 0;
  readonly #scratch: Buffer = Buffer.alloc(MAX_KEY_BYTES);
  #hashes = new Int32Array(INITIAL_SLOTS);
  #slots: (Node | null)[] = new Array<Node | null>(INITIAL_SLOTS).fill(null);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The node whose key is buf[start, end); null when there is none. */
  find(buf: Buffer, start: number, end: number): Node | null {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    const hash = hashBytes(this.#seed, buf, start, end);
    for (let slot = hash & mask; hashes[slot] !== FREE; slot = (slot + 1) & mask) {
      if (hashes[slot] === hash) {
        const node = this.#slots[slot] as Node;
        if (hasKey(node, buf, start, end)) {
          return node;
        }
      }
    }
    return null;
  }

  /** The same for a key that is at hand as a string; slower. */
  findKey(key: ByteKey): Node | null {
    return key.length > MAX_KEY_BYTES ? null : this.find(this.#scratch, 0, this.#spell(key));
  }

  /** Adds a node; the caller has made sure that no node has its key. */
  add(node: Node): void {
    if ((this.#count + 1) * FULL_DENOMINATOR > this.#hashes.length * FULL_NUMERATOR) {
      this.#grow();
    }
    this.#count++;
    this.#place(hashBytes(this.#seed, this.#scratch, 0, this.#spell(node.key)), node);
  }

  /** Removes a node that has been added. */
  remove(node: Node): void {
    const hashes = this.#hashes;
    const slots = this.#slots;
    const mask = hashes.length - 1;
    let free = hashBytes(this.#seed, this.#scratch, 0, this.#spell(node.key)) & mask;
    while (slots[free] !== node) {
      free = (free + 1) & mask;
    }
    // Moves up what was pushed behind the freed slot, so that probes never end too early.
    for (let slot = (free + 1) & mask; hashes[slot] !== FREE; slot = (slot + 1) & mask) {
      const hash = hashes[slot] as number;
      const probed = (slot - hash) & mask;
      if (probed >= ((slot - free) & mask)) {
        hashes[free] = hash;
        slots[free] = slots[slot] as Node;
        free = slot;
      }
    }
    hashes[free] = FREE;
    slots[free] = null;
    this.#count--;
  }

  #place(hash: number, node: Node): void {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    let slot = hash & mask;
    while (hashes[slot] !== FREE) {
      slot = (slot + 1) & mask;
    }
    hashes[slot] = hash;
    this.#slots[slot] = node;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const slots = this.#slots;
    this.#hashes = new Int32Array(hashes.length * 2);
    this.#slots = new Array<Node | null>(hashes.length * 2).fill(null);
    for (let slot = 0; slot < hashes.length; slot++) {
      const node = slots[slot];
      if (node !== null && node !== undefined) {
        this.#place(hashes[slot] as number, node);
      }
    }
  }

  /** Writes the key to the scratch buffer and returns its length. */
  #spell(key: ByteKey): number {
    return this.#scratch.write(key, 0, "latin1");
  }
}

function hasKey(node: Node, buf: Buffer, start: number, end: number): boolean {
  const { key } = node;
  const { length } = key;
  if (length !== end - start) {
    return false;
  }
  for (let at = 0; at < length; at++) {
    if (key.charCodeAt(at) !== buf[start + at]) {
      return false;
    }
  }
  return true;
}

/** Four bytes at a time, mixed by multiplication; never FREE. */
function hashBytes(seed: number, buf: Buffer, start: number, end: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    const word =
      (buf[at] as number) |
      ((buf[at + 1] as number) << 8) |
      ((buf[at + 2] as number) << 16) |
      ((buf[at + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x85eb_ca6b);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ (buf[at] as number), 0x85eb_ca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  hash ^= hash >>> 16;
  return hash === FREE ? 1 : hash;
}
