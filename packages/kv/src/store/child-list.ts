// Hot path: per created key. Bench: bench/store.bench.ts. No closures.
import type { ByteKey } from "./byte-key.ts";
import type { Node } from "./node.ts";

/** Children in one leaf, at most. Half of it is what an insertion moves on average in a full leaf. */
const LEAF_MAX = 256;

/**
 * The children of one directory in the byte order of their keys: a list of sorted leaves, none empty. Inserting
 * and removing cost a search and a move within one leaf, however many children there are.
 */
export class ChildList {
  readonly #leaves: Node[][] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The caller has made sure that no child has this key. */
  insert(node: Node): void {
    const leaves = this.#leaves;
    this.#count++;
    if (leaves.length === 0) {
      leaves.push([node]);
      return;
    }
    const leafAt = this.#leafOf(node.key);
    const leaf = leaves[leafAt] as Node[];
    const last = leaf[leaf.length - 1] as Node;
    if (last.key < node.key) {
      if (leaf.length < LEAF_MAX) {
        leaf.push(node);
      } else {
        // Ascending keys, such as sequences and times, leave full leaves behind.
        leaves.splice(leafAt + 1, 0, [node]);
      }
      return;
    }
    leaf.splice(lowerBound(leaf, node.key), 0, node);
    if (leaf.length > LEAF_MAX) {
      leaves.splice(leafAt + 1, 0, leaf.splice(LEAF_MAX >> 1));
    }
  }

  /** The node is one of the children. */
  remove(node: Node): void {
    const leafAt = this.#leafOf(node.key);
    const leaf = this.#leaves[leafAt] as Node[];
    leaf.splice(lowerBound(leaf, node.key), 1);
    if (leaf.length === 0) {
      this.#leaves.splice(leafAt, 1);
    }
    this.#count--;
  }

  /** Walks all children, or those after `key`. The list must not change meanwhile. */
  walk(after: ByteKey | null): ChildWalk {
    const leaves = this.#leaves;
    if (after === null || leaves.length === 0) {
      return new ChildWalk(leaves, 0, 0);
    }
    const leafAt = this.#leafOf(after);
    const leaf = leaves[leafAt] as Node[];
    const at = lowerBound(leaf, after);
    return new ChildWalk(leaves, leafAt, leaf[at]?.key === after ? at + 1 : at);
  }

  /** The last leaf whose first key is not above `key`, or the first leaf. */
  #leafOf(key: ByteKey): number {
    const leaves = this.#leaves;
    let low = 0;
    let high = leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (((leaves[middle] as Node[])[0] as Node).key <= key) {
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
  readonly #leaves: readonly Node[][];
  #leafAt: number;
  #at: number;

  constructor(leaves: readonly Node[][], leafAt: number, at: number) {
    this.#leaves = leaves;
    this.#leafAt = leafAt;
    this.#at = at;
  }

  /** Null when there is no further child. */
  next(): Node | null {
    const leaf = this.#leaves[this.#leafAt];
    if (leaf === undefined) {
      return null;
    }
    const node = leaf[this.#at];
    if (node !== undefined) {
      this.#at++;
      return node;
    }
    this.#leafAt++;
    this.#at = 0;
    return this.#leaves[this.#leafAt]?.[this.#at++] ?? null;
  }
}

/** Place of the first child whose key is not below `key`. */
function lowerBound(leaf: readonly Node[], key: ByteKey): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf[middle] as Node).key < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
