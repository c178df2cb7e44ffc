// Hot path: per operation. Bench: bench/store.bench.ts. No closures, no views, no strings.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { ByteKey } from "./byte-key.ts";
import { MAX_KEY_BYTES } from "./byte-key.ts";
import type { Node } from "./node.ts";

/** Tables of an index. Each grows on its own, so that no write waits until all nodes are moved. */
const TABLE_BITS = 6;
const INITIAL_SLOTS = 8;
/** Slots per node are kept between 1.5 and 3: short probes for few bytes. */
const FULL_NUMERATOR = 2;
const FULL_DENOMINATOR = 3;
/** In place of a hash: the slot is free. */
const FREE = 0;

/**
 * Finds nodes by the bytes of their keys, right where they lie in a request or log entry: a Map would need a
 * string of them first, which costs as much as the search.
 */
export class KeyIndex {
  /** Differs from process to process, so that nobody can choose keys that collide. */
  readonly #seed: number = randomInt(2 ** 32) | 0;
  readonly #scratch: Buffer = Buffer.alloc(MAX_KEY_BYTES);
  readonly #tables: readonly HashTable[] = Array.from(
    { length: 1 << TABLE_BITS },
    () => new HashTable(),
  );
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The node whose key is buf[start, end); null when there is none. */
  find(buf: Buffer, start: number, end: number): Node | null {
    const hash = hashBytes(this.#seed, buf, start, end);
    return this.#tableOf(hash).find(hash, buf, start, end);
  }

  /** The same for a key that is at hand as a string; slower. */
  findKey(key: ByteKey): Node | null {
    return key.length > MAX_KEY_BYTES ? null : this.find(this.#scratch, 0, this.#spell(key));
  }

  /** Adds a node; the caller has made sure that no node has its key. */
  add(node: Node): void {
    const hash = this.#hashOf(node);
    this.#tableOf(hash).add(hash, node);
    this.#count++;
  }

  /** Removes a node that has been added. */
  remove(node: Node): void {
    const hash = this.#hashOf(node);
    this.#tableOf(hash).remove(hash, node);
    this.#count--;
  }

  #tableOf(hash: number): HashTable {
    return this.#tables[hash >>> (32 - TABLE_BITS)] as HashTable;
  }

  #hashOf(node: Node): number {
    return hashBytes(this.#seed, this.#scratch, 0, this.#spell(node.key));
  }

  /** Writes the key to the scratch buffer and returns its length. */
  #spell(key: ByteKey): number {
    return this.#scratch.write(key, 0, "latin1");
  }
}

/**
 * Open addressing with linear probing. The hash of each node stands beside its slot, so that other nodes are hardly
 * ever looked at.
 */
class HashTable {
  #hashes = new Int32Array(INITIAL_SLOTS);
  #slots: (Node | null)[] = freeSlots(INITIAL_SLOTS);
  #count = 0;

  find(hash: number, buf: Buffer, start: number, end: number): Node | null {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
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

  add(hash: number, node: Node): void {
    if ((this.#count + 1) * FULL_DENOMINATOR > this.#hashes.length * FULL_NUMERATOR) {
      this.#grow();
    }
    this.#count++;
    this.#place(hash, node);
  }

  remove(hash: number, node: Node): void {
    const hashes = this.#hashes;
    const slots = this.#slots;
    const mask = hashes.length - 1;
    let free = hash & mask;
    while (slots[free] !== node) {
      assert(hashes[free] !== FREE, "a node is removed that was never added");
      free = (free + 1) & mask;
    }
    // Moves up what was pushed behind the freed slot, so that probes never end too early.
    for (let slot = (free + 1) & mask; hashes[slot] !== FREE; slot = (slot + 1) & mask) {
      const candidate = hashes[slot] as number;
      const probed = (slot - candidate) & mask;
      if (probed >= ((slot - free) & mask)) {
        hashes[free] = candidate;
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
    this.#slots = freeSlots(hashes.length * 2);
    for (let slot = 0; slot < hashes.length; slot++) {
      const hash = hashes[slot] as number;
      if (hash !== FREE) {
        this.#place(hash, slots[slot] as Node);
      }
    }
  }
}

function freeSlots(count: number): (Node | null)[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from takes eight times as long for a large table.
  return new Array<Node | null>(count).fill(null);
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
