import { createHash } from "node:crypto";
import { DirectoryNode, ValueNode } from "./node.ts";
import type { Node } from "./node.ts";
import type { Tree } from "./tree.ts";

const HEADER_BYTES = 49;
const NO_VALUE: Buffer = Buffer.alloc(0);

/**
 * SHA-256 over the revision and every node with all its fields, in tree order, as hexadecimal. Two replicas that
 * have applied the same entries have the same digest. Takes a walk over the whole tree.
 */
export function digestTree(tree: Tree): string {
  const hash = createHash("sha256");
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeDoubleBE(tree.revision, 0);
  header.writeDoubleBE(tree.nodeCount, 8);
  hash.update(header);
  const left: Node[] = [tree.root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    const value =
      node instanceof ValueNode ? node.valueBuf.subarray(node.valueStart, node.valueEnd) : NO_VALUE;
    header.writeDoubleBE(node.createRevision, 0);
    header.writeDoubleBE(node.modRevision, 8);
    header.writeDoubleBE(node.version, 16);
    header.writeDoubleBE(node.createdMs, 24);
    header.writeDoubleBE(node.updatedMs, 32);
    header.writeUInt32BE(node.key.length, 40);
    header.writeUInt32BE(value.length, 44);
    header[48] = node instanceof DirectoryNode ? 1 : 0;
    hash.update(header).update(node.key, "latin1").update(value);
    if (node instanceof DirectoryNode) {
      const children: Node[] = [];
      const walk = node.children.walk(null);
      for (let child = walk.next(); child !== null; child = walk.next()) {
        children.push(child);
      }
      for (let child = children.pop(); child !== undefined; child = children.pop()) {
        left.push(child);
      }
    }
  }
  return hash.digest("hex");
}
