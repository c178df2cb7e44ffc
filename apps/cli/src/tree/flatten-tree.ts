import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "@dt/kv";
import { EMPTY_LIST, encodeLeaf } from "./leaf-text.ts";
import type { Leaf } from "./leaf-text.ts";
import { itemSegment, keySegment } from "./key-segment.ts";
import { isTreeList, isTreeMap } from "./tree.ts";
import type { Scalar, Tree, TreeProblem } from "./tree.ts";

/** One thing to store: a value, or a directory where the document has a map without keys. */
export type StoredNode =
  | { readonly kind: "value"; readonly key: string; readonly value: string }
  | { readonly kind: "directory"; readonly key: string };

/** Nodes of one document, at most; aliases can make a small file stand for any number. */
const MAX_NODES = 1_000_000;

/**
 * What to store for a document, each leaf under its path below `prefix` (empty for the root). Whatever cannot be
 * stored goes to `problems`.
 */
export function flattenTree(tree: Tree, prefix: string, problems: TreeProblem[]): StoredNode[] {
  const nodes: StoredNode[] = [];
  const isWhole = visit(tree, prefix, nodes, problems);
  if (!isWhole) {
    problems.push({ path: prefix, message: `the document has more than ${MAX_NODES} leaves` });
  }
  return nodes;
}

/** False when there are too many nodes. */
function visit(tree: Tree, key: string, nodes: StoredNode[], problems: TreeProblem[]): boolean {
  if (nodes.length + problems.length >= MAX_NODES) {
    return false;
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    const path = `${key.slice(0, 40)}...`;
    problems.push({ path, message: `the key is longer than ${MAX_KEY_BYTES} bytes` });
    return true;
  }
  if (isTreeMap(tree)) {
    return visitMap(tree, key, nodes, problems);
  }
  if (isTreeList(tree) && tree.length > 0) {
    return tree.every((item, index) => visit(item, join(key, itemSegment(index)), nodes, problems));
  }
  const leaf: Leaf = isTreeList(tree) ? EMPTY_LIST : tree;
  const problem = checkLeaf(leaf, key);
  if (problem === null) {
    nodes.push({ kind: "value", key, value: encodeLeaf(leaf) });
  } else {
    problems.push({ path: key, message: problem });
  }
  return true;
}

function visitMap(
  map: ReadonlyMap<Scalar, Tree>,
  key: string,
  nodes: StoredNode[],
  problems: TreeProblem[],
): boolean {
  if (map.size === 0 && key !== "") {
    nodes.push({ kind: "directory", key });
  }
  const segments = new Set<string>();
  for (const [name, child] of map) {
    const segment = keySegment(name);
    if (typeof name === "string" && !name.isWellFormed()) {
      problems.push({ path: key, message: `the key ${JSON.stringify(name)} is not valid Unicode` });
    } else if (segments.has(segment)) {
      problems.push({
        path: join(key, segment),
        message: "two keys of the document are stored here",
      });
    } else if (!visit(child, join(key, segment), nodes, problems)) {
      return false;
    }
    segments.add(segment);
  }
  return true;
}

function checkLeaf(leaf: Leaf, key: string): string | null {
  if (key === "") {
    return "the document is a single value, which needs a key: use --prefix";
  }
  if (typeof leaf === "string") {
    if (!leaf.isWellFormed()) {
      return "the text is not valid Unicode";
    }
    if (Buffer.byteLength(encodeLeaf(leaf)) > MAX_VALUE_BYTES) {
      return `the value is larger than ${MAX_VALUE_BYTES} bytes`;
    }
  }
  return null;
}

function join(directory: string, segment: string): string {
  return directory === "" ? segment : `${directory}/${segment}`;
}
