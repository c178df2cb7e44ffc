// Hot path: per operation. Bench: bench/store.bench.ts. No closures, no promises.
import assert from "node:assert/strict";
import { Refusal } from "../refusal.ts";
import { parentKey, ROOT_KEY } from "./byte-key.ts";
import type { ByteKey } from "./byte-key.ts";
import { KeyIndex } from "./key-index.ts";
import { DirectoryNode, ValueNode } from "./node.ts";
import type { Node } from "./node.ts";
import { NO_RECORD, RecordSpace } from "./record-space.ts";

/** Nodes in one tree, at most. */
export const MAX_NODES = 10_000_000;

/** Is told of changes while somebody reads the tree as it was. */
export interface TreeWatch {
  /** The node is about to be written or removed. */
  beforeChange(node: Node): void;
  /** Everything is another tree's now. */
  replaced(): void;
}

/**
 * Nodes by key, and the children of each directory in order. Every write that changes something takes the next
 * revision, whatever it creates or removes on the way; a refused write and one that finds nothing to do take none.
 *
 * The methods that write return the revision, 0 when there was nothing to do, or a Refusal. Keys must be
 * well-formed where a node may be created; elsewhere an ill-formed key is just one that is not there.
 */
export class Tree {
  #root: DirectoryNode = new DirectoryNode(ROOT_KEY);
  #nodes = new KeyIndex();
  #records = new RecordSpace();
  #watch: TreeWatch | null = null;
  readonly #maxNodes: number;
  #revision = 0;

  constructor(maxNodes: number = MAX_NODES) {
    this.#maxNodes = maxNodes;
    this.#records.create(this.#root, 0, 0, NO_RECORD, 0, 0);
    this.#nodes.add(this.#root);
  }

  get root(): DirectoryNode {
    return this.#root;
  }

  /** Revision of the last write; 0 for a new tree. */
  get revision(): number {
    return this.#revision;
  }

  /** Only for who builds the tree from what another one held. */
  set revision(revision: number) {
    this.#revision = revision;
  }

  /** Values and directories, the root not counted. */
  get nodeCount(): number {
    return this.#nodes.count - 1;
  }

  find(key: ByteKey): Node | null {
    return this.#nodes.findKey(key);
  }

  /** As `find`, for a key that lies in buf[start, end); makes no string of it. */
  findAt(buf: Buffer, start: number, end: number): Node | null {
    return this.#nodes.find(buf, start, end);
  }

  /** Gives a node of this tree a copy of source[start, end) as its new value. */
  update(node: ValueNode, source: Buffer, start: number, end: number, timestampMs: number): number {
    if (this.#watch !== null) {
      this.#watch.beforeChange(node);
    }
    const revision = ++this.#revision;
    this.#records.update(node, revision, timestampMs, source, start, end);
    return revision;
  }

  /**
   * Creates a value, a copy of source[start, end), and the directories above it. `key` is well-formed and not there yet.
   * Refuses with parentIsValue and storeFull.
   */
  create(key: ByteKey, source: Buffer, start: number, end: number, timestampMs: number): number {
    const revision = this.#revision + 1;
    const parent = this.#makeDirectory(parentKey(key), 1, revision, timestampMs);
    if (typeof parent === "number") {
      return parent;
    }
    const node = new ValueNode(key);
    this.#records.create(node, revision, timestampMs, source, start, end);
    this.#add(parent, node);
    this.#revision = revision;
    return revision;
  }

  /**
   * Creates a directory and those above it; 0 when it is there already. `key` is well-formed.
   * Refuses with notDirectory, parentIsValue and storeFull.
   */
  makeDirectory(key: ByteKey, timestampMs: number): number {
    const node = this.#nodes.findKey(key);
    if (node !== null) {
      return node instanceof DirectoryNode ? 0 : Refusal.notDirectory;
    }
    const revision = this.#revision + 1;
    const made = this.#makeDirectory(key, 0, revision, timestampMs);
    if (typeof made === "number") {
      return made;
    }
    this.#revision = revision;
    return revision;
  }

  /**
   * Removes a value, an empty directory, or with `isRecursive` a directory with everything in it; 0 when nothing
   * is there. Refuses with isRoot and notEmpty.
   */
  remove(key: ByteKey, isRecursive: boolean): number {
    if (key === ROOT_KEY) {
      return Refusal.isRoot;
    }
    const node = this.#nodes.findKey(key);
    if (node === null) {
      return 0;
    }
    if (node instanceof DirectoryNode && node.children.count > 0) {
      if (!isRecursive) {
        return Refusal.notEmpty;
      }
      this.#forgetBelow(node);
    }
    this.#forget(node);
    this.#parentOf(node).children.remove(node);
    return ++this.#revision;
  }

  /** From now on `watch` is told of changes; one at a time. */
  watch(watch: TreeWatch): void {
    assert(this.#watch === null, "one watches the tree already");
    this.#watch = watch;
  }

  unwatch(watch: TreeWatch): void {
    if (this.#watch === watch) {
      this.#watch = null;
    }
  }

  /**
   * Adds a node with the record source[start, end) as another tree held it, and takes no revision. False, with
   * nothing changed, when its directory is not there; throws when the key is there already.
   */
  restoreNode(
    key: ByteKey,
    isDirectory: boolean,
    source: Buffer,
    start: number,
    end: number,
  ): boolean {
    const parent = this.#nodes.findKey(parentKey(key));
    if (!(parent instanceof DirectoryNode)) {
      return false;
    }
    assert(this.#nodes.findKey(key) === null, "a node is restored twice");
    const node = isDirectory ? new DirectoryNode(key) : new ValueNode(key);
    this.#records.restore(node, source, start, end);
    this.#add(parent, node);
    return true;
  }

  /** Becomes what `other` is, at once; `other` must not be used any more. */
  takeOver(other: Tree): void {
    this.#watch?.replaced();
    this.#watch = null;
    this.#root = other.#root;
    this.#nodes = other.#nodes;
    this.#records = other.#records;
    this.#revision = other.#revision;
  }

  /**
   * The directory at `key`, created together with those above it when it is not there. Nothing is created when
   * it refuses. `moreNodes` is how many nodes the caller is going to add itself.
   */
  #makeDirectory(
    key: ByteKey,
    moreNodes: number,
    revision: number,
    timestampMs: number,
  ): DirectoryNode | Refusal {
    const missing: ByteKey[] = [];
    let at = key;
    let found = this.#nodes.findKey(at);
    while (found === null) {
      missing.push(at);
      at = parentKey(at);
      found = this.#nodes.findKey(at);
    }
    if (!(found instanceof DirectoryNode)) {
      return Refusal.parentIsValue;
    }
    if (this.nodeCount + missing.length + moreNodes > this.#maxNodes) {
      return Refusal.storeFull;
    }
    let directory = found;
    for (let i = missing.length - 1; i >= 0; i--) {
      const made = new DirectoryNode(missing[i] as ByteKey);
      this.#records.create(made, revision, timestampMs, NO_RECORD, 0, 0);
      this.#add(directory, made);
      directory = made;
    }
    return directory;
  }

  #add(directory: DirectoryNode, node: Node): void {
    directory.children.insert(node);
    this.#nodes.add(node);
  }

  #parentOf(node: Node): DirectoryNode {
    const parent = this.#nodes.findKey(parentKey(node.key));
    assert(parent instanceof DirectoryNode);
    return parent;
  }

  #forget(node: Node): void {
    if (this.#watch !== null) {
      this.#watch.beforeChange(node);
    }
    this.#nodes.remove(node);
    this.#records.free(node);
  }

  #forgetBelow(directory: DirectoryNode): void {
    const left = [directory];
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      const walk = each.children.walk(null);
      for (let child = walk.next(); child !== null; child = walk.next()) {
        this.#forget(child);
        if (child instanceof DirectoryNode) {
          left.push(child);
        }
      }
    }
  }
}
