import type { SnapshotSource } from "@dt/raft";
import { writeUint64 } from "@dt/codec";
import { childOnPath, isBelow, SLASH } from "../store/byte-key.ts";
import type { ByteKey } from "../store/byte-key.ts";
import type { ChildWalk } from "../store/child-list.ts";
import { DirectoryNode } from "../store/node.ts";
import type { Node } from "../store/node.ts";
import type { Tree, TreeWatch } from "../store/tree.ts";
import {
  END_BYTES,
  HEADER_BYTES,
  MAGIC,
  NODE_HEADER_BYTES,
  SnapshotNodeKind,
  VERSION,
} from "./format.ts";

/** A node that is passed over takes time, too: as much as one of so many bytes. */
const PASSED_OVER_BYTES = 64;

/**
 * Reads a tree as it is at one revision while it goes on changing. It walks the nodes in the order of
 * their paths. A node that is written or removed before the walk has come to it is copied out first;
 * what is newer than the revision is passed over. So a write costs a comparison of keys more while
 * a snapshot is being read, and nothing otherwise.
 */
export class TreeSnapshot implements SnapshotSource, TreeWatch {
  readonly #tree: Tree;
  readonly #revision: number;
  /** Copies of nodes that changed before the walk came to them. */
  #saved: Buffer[] = [];
  /** The last node visited; null before the first. */
  #cursor: ByteKey | null = null;
  #count = 0;
  #step: "header" | "nodes" | "done" = "header";
  #isReplaced = false;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#revision = tree.revision;
    tree.watch(this);
  }

  beforeChange(node: Node): void {
    const isWalked = this.#cursor !== null && comparePaths(node.key, this.#cursor) <= 0;
    if (node.modRevision <= this.#revision && !isWalked && this.#step !== "done") {
      this.#saved.push(this.#encode(node));
    }
  }

  replaced(): void {
    this.#isReplaced = true;
  }

  next(maxBytes: number): Buffer | null {
    if (this.#isReplaced) {
      throw new Error("the tree was replaced while its snapshot was being read");
    }
    switch (this.#step) {
      case "header":
        this.#step = "nodes";
        return this.#header();
      case "nodes":
        return this.#nodes(maxBytes);
      case "done":
        return null;
    }
  }

  close(): void {
    this.#saved = [];
    this.#step = "done";
    this.#tree.unwatch(this);
  }

  #header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(MAGIC, 0);
    header.writeUInt16BE(VERSION, 4);
    writeUint64(header, 8, this.#revision);
    return header;
  }

  #nodes(maxBytes: number): Buffer {
    const parts: Buffer[] = [];
    let bytes = 0;
    while (bytes < maxBytes && this.#saved.length > 0) {
      const saved = this.#saved.pop() as Buffer;
      parts.push(saved);
      bytes += saved.length;
    }
    const walk = new PathWalk(this.#tree, this.#cursor);
    while (bytes < maxBytes) {
      const node = walk.next();
      if (node === null) {
        this.#step = "done";
        const end = Buffer.alloc(END_BYTES);
        end.writeUInt8(SnapshotNodeKind.end, 0);
        writeUint64(end, 1, this.#count);
        parts.push(end);
        break;
      }
      this.#cursor = node.key;
      if (node.modRevision <= this.#revision) {
        const encoded = this.#encode(node);
        parts.push(encoded);
        bytes += encoded.length;
      } else {
        bytes += PASSED_OVER_BYTES;
      }
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  #encode(node: Node): Buffer {
    const { key, recordBuf, recordStart, recordEnd } = node;
    const recordAt = NODE_HEADER_BYTES + key.length;
    const bytes = Buffer.allocUnsafe(recordAt + recordEnd - recordStart);
    const isDirectory = node instanceof DirectoryNode;
    bytes.writeUInt8(isDirectory ? SnapshotNodeKind.directory : SnapshotNodeKind.value, 0);
    bytes.writeUInt16BE(key.length, 1);
    bytes.writeUInt32BE(recordEnd - recordStart, 3);
    bytes.write(key, NODE_HEADER_BYTES, "latin1");
    recordBuf.copy(bytes, recordAt, recordStart, recordEnd);
    this.#count++;
    return bytes;
  }
}

/** Every node behind `after`, a directory before what is in it. The tree must not change meanwhile. */
class PathWalk {
  readonly #walks: ChildWalk[] = [];

  constructor(tree: Tree, after: ByteKey | null) {
    let directory: Node | null = tree.root;
    while (directory instanceof DirectoryNode) {
      const isOnPath: boolean = after !== null && isBelow(after, directory.key);
      const child: ByteKey | null =
        isOnPath && after !== null ? childOnPath(directory.key, after) : null;
      this.#walks.push(directory.children.walk(child));
      directory = child === null ? null : tree.find(child);
    }
  }

  next(): Node | null {
    for (let walk = this.#walks.at(-1); walk !== undefined; walk = this.#walks.at(-1)) {
      const node = walk.next();
      if (node === null) {
        this.#walks.pop();
      } else {
        if (node instanceof DirectoryNode) {
          this.#walks.push(node.children.walk(null));
        }
        return node;
      }
    }
    return null;
  }
}

/** Order of the walk: segment by segment, a directory before what is in it. */
export function comparePaths(a: ByteKey, b: ByteKey): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) {
      return left === SLASH ? -1 : right === SLASH ? 1 : left - right;
    }
  }
  return a.length - b.length;
}
