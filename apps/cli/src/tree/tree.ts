/**
 * What a YAML or JSON document holds. Maps are `Map`s: keys keep their type, and none of them means anything to
 * the language. A `bigint` stands for an integer that a number cannot hold exactly, and for nothing else.
 */
export type Tree = Scalar | readonly Tree[] | TreeMap;

export type Scalar = string | number | bigint | boolean | null;

export type TreeMap = ReadonlyMap<Scalar, Tree>;

/** A place in a document that cannot be stored, or a place in the store that cannot be written to a document. */
export interface TreeProblem {
  readonly path: string;
  readonly message: string;
}

export function isTreeMap(tree: Tree): tree is TreeMap {
  return tree instanceof Map;
}

export function isTreeList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

/** Scalars, and collections without anything in them. */
export function countLeaves(tree: Tree): number {
  if (!isTreeMap(tree) && !isTreeList(tree)) {
    return 1;
  }
  let count = 0;
  for (const child of tree.values()) {
    count += countLeaves(child);
  }
  return Math.max(1, count);
}
