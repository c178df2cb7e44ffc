import type { ByteKey } from "./byte-key.ts";
import { childOnPath, isBelow } from "./byte-key.ts";
import type { ChildWalk } from "./child-list.ts";
import { DirectoryNode, ValueNode } from "./node.ts";
import type { Node } from "./node.ts";
import type { Tree } from "./tree.ts";

export interface PageRequest {
  /** Everything below the children too, each directory before what is in it; else the children only. */
  readonly isRecursive: boolean;
  /** Starts behind this key, which need not exist (any more) but lies below the directory; null for the first page. */
  readonly startAfter: ByteKey | null;
  /** Nodes on the page, at most; at least 1. */
  readonly limit: number;
  /** Ends the page with the node that reaches this many bytes of keys, and of values unless `isKeysOnly`. */
  readonly maxBytes: number;
  readonly isKeysOnly: boolean;
}

export interface Page {
  readonly nodes: readonly Node[];
  /** Whether there is something after the last node. */
  readonly hasMore: boolean;
}

/**
 * One page of what is in a directory, in tree order: siblings in the byte order of their keys, a directory's
 * content right behind it.
 */
export function listPage(tree: Tree, directory: DirectoryNode, request: PageRequest): Page {
  const { limit, maxBytes, isKeysOnly, isRecursive } = request;
  const walks = startWalks(tree, directory, request);
  const nodes: Node[] = [];
  let bytes = 0;
  for (
    let node = nextNode(walks, isRecursive);
    node !== null;
    node = nextNode(walks, isRecursive)
  ) {
    if (nodes.length >= limit || bytes >= maxBytes) {
      return { nodes, hasMore: true };
    }
    nodes.push(node);
    bytes += node.key.length;
    if (!isKeysOnly && node instanceof ValueNode) {
      bytes += node.valueLength;
    }
  }
  return { nodes, hasMore: false };
}

/** Nodes in a directory; with `isRecursive` everything below it, which takes a walk over all of that. */
export function countNodes(directory: DirectoryNode, isRecursive: boolean): number {
  if (!isRecursive) {
    return directory.children.count;
  }
  let count = 0;
  const walks = [directory.children.walk(null)];
  while (nextNode(walks, true) !== null) {
    count++;
  }
  return count;
}

/** The walks that are under way, outermost first. */
function startWalks(tree: Tree, directory: DirectoryNode, request: PageRequest): ChildWalk[] {
  const { startAfter, isRecursive } = request;
  if (startAfter === null || !isBelow(startAfter, directory.key)) {
    return [directory.children.walk(null)];
  }
  const walks: ChildWalk[] = [];
  let at: Node | null = directory;
  while (at instanceof DirectoryNode) {
    if (at.key === startAfter) {
      walks.push(at.children.walk(null));
      break;
    }
    const child = childOnPath(at.key, startAfter);
    walks.push(at.children.walk(child));
    at = isRecursive ? tree.find(child) : null;
  }
  return walks;
}

function nextNode(walks: ChildWalk[], isRecursive: boolean): Node | null {
  for (let walk = walks.at(-1); walk !== undefined; walk = walks.at(-1)) {
    const node = walk.next();
    if (node !== null) {
      if (isRecursive && node instanceof DirectoryNode) {
        walks.push(node.children.walk(null));
      }
      return node;
    }
    walks.pop();
  }
  return null;
}
