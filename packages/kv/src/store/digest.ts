import { createHash } from "node:crypto";
import { DirectoryNode } from "./node.ts";
import type { Node } from "./node.ts";
import type { Tree } from "./tree.ts";

const LENGTHS_BYTES = 9;

/**
 * SHA-256 over every node with its key and all its fields, in tree order, and the revision, as hexadecimal. Two
 * replicas that have applied the same entries have the same digest. Takes a walk over the whole tree.
 */
export function digestTree(tree: Tree): string {
  const hash = createHash("sha256");
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  const left: Node[] = [tree.root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    lengths.writeUInt32BE(node.key.length, 0);
    lengths.writeUInt32BE(node.valueLength, 4);
    lengths[8] = node instanceof DirectoryNode ? 1 : 0;
    hash.update(lengths).update(node.key, "latin1");
    hash.update(node.recordBuf.subarray(node.recordStart, node.recordEnd));
    if (node instanceof DirectoryNode) {
      pushReversed(left, node);
    }
  }
  return hash.update(String(tree.revision)).digest("hex");
}

/** So that the first child is the next to be taken. */
function pushReversed(left: Node[], directory: DirectoryNode): void {
  const children: Node[] = [];
  const walk = directory.children.walk(null);
  for (let child = walk.next(); child !== null; child = walk.next()) {
    children.push(child);
  }
  for (let child = children.pop(); child !== undefined; child = children.pop()) {
    left.push(child);
  }
}
