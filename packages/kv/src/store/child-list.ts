// Hot path: per created key. Bench: bench/store.bench.ts. No closures.
import type { ByteKey } from "./byte-key.ts";
import type { Node } from "./node.ts";

/** Children in one leaf, at most. Half of it is what an insertion moves on average in a full leaf. */
const LEAF_MAX = 256;

/** Nodes in the order of their keys. The keys stand here too, so that a search touches no node. */
interface Leaf {
  readonly keys: ByteKey[];
  readonly nodes: Node[];
}

/**
 * The children of one directory in the byte order of their keys: a list of sorted leaves, none empty. Inserting
 * and removing cost a search and a move within one leaf, however many children there are.
 */
export class ChildList {
  readonly #leaves: Leaf[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The caller has made sure that no child has this key. */
  insert(node: Node): void {
    const leaves = this.#leaves;
    const { key } = node;
    const leafAt = this.#leafOf(key);
    const leaf = leaves[leafAt];
    this.#count++;
    if (leaf === undefined) {
      leaves.push({ keys: [key], nodes: [node] });
      return;
    }
    const { keys, nodes } = leaf;
    const at = lowerBound(keys, key);
    if (at === keys.length && at === LEAF_MAX) {
      // Ascending keys, such as sequences and times, leave full leaves behind.
      leaves.splice(leafAt + 1, 0, { keys: [key], nodes: [node] });
      return;
    }
    keys.splice(at, 0, key);
    nodes.splice(at, 0, node);
    if (keys.length > LEAF_MAX) {
      const half = LEAF_MAX >> 1;
      leaves.splice(leafAt + 1, 0, { keys: keys.splice(half), nodes: nodes.splice(half) });
    }
  }

  /** The node is one of the children. */
  remove(node: Node): void {
    const leafAt = this.#leafOf(node.key);
    const { keys, nodes } = this.#leaves[leafAt] as Leaf;
    const at = lowerBound(keys, node.key);
    keys.splice(at, 1);
    nodes.splice(at, 1);
    if (keys.length === 0) {
      this.#leaves.splice(leafAt, 1);
    }
    this.#count--;
  }

  /** Walks all children, or those after `key`. The list must not change meanwhile. */
  walk(after: ByteKey | null): ChildWalk {
    const leafAt = after === null ? 0 : this.#leafOf(after);
    const keys = this.#leaves[leafAt]?.keys;
    if (after === null || keys === undefined) {
      return new ChildWalk(this.#leaves, 0, 0);
    }
    const at = lowerBound(keys, after);
    return new ChildWalk(this.#leaves, leafAt, keys[at] === after ? at + 1 : at);
  }

  /** The last leaf whose first key is not above `key`, or the first leaf. */
  #leafOf(key: ByteKey): number {
    const leaves = this.#leaves;
    let low = 0;
    let high = leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (((leaves[middle] as Leaf).keys[0] as ByteKey) <= key) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}

/** One pass over a ChildList. */
export class ChildWalk {
  readonly #leaves: readonly Leaf[];
  #leafAt: number;
  #at: number;

  constructor(leaves: readonly Leaf[], leafAt: number, at: number) {
    this.#leaves = leaves;
    this.#leafAt = leafAt;
    this.#at = at;
  }

  /** Null when there is no further child. */
  next(): Node | null {
    for (;;) {
      const leaf = this.#leaves[this.#leafAt];
      if (leaf === undefined) {
        return null;
      }
      const node = leaf.nodes[this.#at];
      if (node !== undefined) {
        this.#at++;
        return node;
      }
      this.#leafAt++;
      this.#at = 0;
    }
  }
}

/** Place of the first key that is not below `key`. */
function lowerBound(keys: readonly ByteKey[], key: ByteKey): number {
  let low = 0;
  let high = keys.length;
  // Ascending keys go to the end.
  if (high > 0 && (keys[high - 1] as ByteKey) < key) {
    return high;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteKey) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
