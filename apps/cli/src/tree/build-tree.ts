import { isUtf8 } from "node:buffer";
import { decodeLeaf } from "./leaf-text.ts";
import { readSegment } from "./key-segment.ts";
import { tooDeep } from "./too-deep.ts";
import type { Scalar, Tree, TreeProblem } from "./tree.ts";

/** One node of the store below the directory that is exported. */
export interface ListedNode {
  readonly key: string;
  /** Null for a directory. */
  readonly value: Buffer | null;
}

/** A directory while its nodes arrive: values and further directories by segment. */
type Branch = Map<string, Buffer | Branch>;

/**
 * The document that nodes below `prefix` stand for: what `flattenTree` made them of. Keys that were written by
 * hand may stand for no document; what cannot be written goes to `problems`.
 */
export function buildTree(
  nodes: Iterable<ListedNode>,
  prefix: string,
  problems: TreeProblem[],
): Tree {
  const root: Branch = new Map();
  const skip = prefix === "" ? 0 : prefix.length + 1;
  for (const { key, value } of nodes) {
    place(root, key.slice(skip).split("/"), value);
  }
  try {
    return treeOf(root, prefix, problems);
  } catch (error) {
    problems.push(tooDeep(error));
    return null;
  }
}

/** Directories come before what is in them, but a page may begin anywhere: make what is missing. */
function place(root: Branch, segments: readonly string[], value: Buffer | null): void {
  let branch = root;
  const last = segments.length - 1;
  for (const [depth, segment] of segments.entries()) {
    if (depth === last && value !== null) {
      branch.set(segment, value);
      return;
    }
    let child = branch.get(segment);
    if (!(child instanceof Map)) {
      child = new Map();
      branch.set(segment, child);
    }
    branch = child;
  }
}

function treeOf(node: Buffer | Branch, path: string, problems: TreeProblem[]): Tree {
  if (!(node instanceof Map)) {
    return leafOf(node, path, problems);
  }
  const children = [...node].map(([segment, child]) => ({
    segment,
    step: readSegment(segment),
    tree: treeOf(child, path === "" ? segment : `${path}/${segment}`, problems),
  }));
  const items = children.flatMap(({ step, tree }) =>
    step.kind === "item" ? [{ index: step.index, tree }] : [],
  );
  if (items.length === children.length && items.length > 0) {
    return items.toSorted((a, b) => a.index - b.index).map(({ tree }) => tree);
  }
  if (items.length > 0) {
    problems.push({
      path,
      message: "holds both items of a list (@0, @1 ...) and keys of a map",
    });
  }
  const map = new Map<Scalar, Tree>();
  for (const { segment, step, tree } of children) {
    const key = step.kind === "key" ? step.key : segment;
    if (map.has(key)) {
      problems.push({ path, message: `holds the key ${JSON.stringify(key)} in two spellings` });
    }
    map.set(key, tree);
  }
  return map;
}

export function leafOf(value: Buffer, path: string, problems: TreeProblem[]): Tree {
  if (!isUtf8(value)) {
    problems.push({ path, message: "the value is not text" });
    return null;
  }
  return decodeLeaf(value.toString("utf8"));
}
