import { readUint64 } from "@dt/codec";
import { KvError } from "../errors.ts";
import { checkKey, MAX_KEY_BYTES, readKey } from "../store/byte-key.ts";
import {
  MAX_VALUE_BYTES,
  readCreateRevision,
  readModRevision,
  readVersion,
  RECORD_HEAD_BYTES,
} from "../store/record.ts";
import type { Tree } from "../store/tree.ts";
import {
  END_BYTES,
  HEADER_BYTES,
  MAGIC,
  NODE_HEADER_BYTES,
  SnapshotNodeKind,
  VERSION,
} from "./format.ts";

/** A node whose directory has not been read yet. */
interface Orphan {
  readonly kind: number;
  readonly bytes: Buffer;
  readonly keyEnd: number;
}

/** Builds a tree from the bytes of a snapshot, in pieces of any size. Throws DT_KV_BAD_SNAPSHOT. */
export class TreeRestore {
  readonly #tree: Tree;
  #rest: Buffer = Buffer.alloc(0);
  #isBegun = false;
  #isEnded = false;
  #revision = 0;
  #count = 0;
  #orphans: Orphan[] = [];

  /** `tree` is new and belongs to this restore until it is finished. */
  constructor(tree: Tree) {
    this.#tree = tree;
  }

  add(chunk: Buffer): void {
    refusing(() => this.#add(chunk));
  }

  /** Everything was added: the tree is what it was. */
  finish(): void {
    refusing(() => this.#finish());
  }

  #add(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let used = this.#step(bytes, at); used > 0; used = this.#step(bytes, at)) {
      at += used;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  #finish(): void {
    if (!this.#isEnded || this.#rest.length > 0) {
      throw bad("it ends too early or too late");
    }
    this.#adopt();
    if (this.#orphans.length > 0 || this.#tree.nodeCount !== this.#count) {
      throw bad(`${this.#orphans.length} nodes are in no directory`);
    }
    this.#tree.revision = this.#revision;
  }

  /** Bytes used at `at`; 0 when more are needed. */
  #step(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    if (!this.#isBegun) {
      return left < HEADER_BYTES ? 0 : this.#begin(bytes, at);
    }
    if (left === 0) {
      return 0;
    }
    if (this.#isEnded) {
      throw bad("something follows its end");
    }
    if (bytes[at] === SnapshotNodeKind.end) {
      return left < END_BYTES ? 0 : this.#end(bytes, at);
    }
    if (left < NODE_HEADER_BYTES) {
      return 0;
    }
    const keyBytes = bytes.readUInt16BE(at + 1);
    const recordBytes = bytes.readUInt32BE(at + 3);
    if (keyBytes > MAX_KEY_BYTES || recordBytes > RECORD_HEAD_BYTES + MAX_VALUE_BYTES) {
      throw bad("a key or a value is too long");
    }
    const size = NODE_HEADER_BYTES + keyBytes + recordBytes;
    if (left < size) {
      return 0;
    }
    const keyStart = at + NODE_HEADER_BYTES;
    this.#node(bytes[at] as number, bytes, keyStart, keyStart + keyBytes, at + size);
    return size;
  }

  #begin(bytes: Buffer, at: number): number {
    if (bytes.readUInt32BE(at) !== MAGIC || bytes.readUInt16BE(at + 4) !== VERSION) {
      throw bad("not a snapshot of a tree, or of a newer version");
    }
    this.#revision = readUint64(bytes, at + 8);
    this.#isBegun = true;
    return HEADER_BYTES;
  }

  #end(bytes: Buffer, at: number): number {
    if (readUint64(bytes, at + 1) !== this.#count) {
      throw bad("nodes are missing");
    }
    this.#isEnded = true;
    return END_BYTES;
  }

  #node(kind: number, bytes: Buffer, keyStart: number, keyEnd: number, end: number): void {
    const isKnown = kind === SnapshotNodeKind.value || kind === SnapshotNodeKind.directory;
    const isDirectory = kind === SnapshotNodeKind.directory;
    const valueBytes = end - keyEnd - RECORD_HEAD_BYTES;
    const isWhole = valueBytes >= 0 && keyEnd > keyStart && !(isDirectory && valueBytes > 0);
    if (!isKnown || !isWhole || checkKey(bytes, keyStart, keyEnd) !== 0) {
      throw bad("a node makes no sense");
    }
    // A node newer than the tree would be missing from the next snapshot.
    const created = readCreateRevision(bytes, keyEnd);
    const modified = readModRevision(bytes, keyEnd);
    const isOrdered = created > 0 && created <= modified && modified <= this.#revision;
    if (!isOrdered || readVersion(bytes, keyEnd) === 0) {
      throw bad("the revisions of a node make no sense");
    }
    this.#count++;
    const key = readKey(bytes, keyStart, keyEnd);
    if (!this.#tree.restoreNode(key, isDirectory, bytes, keyEnd, end)) {
      const kept = Buffer.from(bytes.subarray(keyStart, end));
      this.#orphans.push({ kind, bytes: kept, keyEnd: keyEnd - keyStart });
    }
  }

  /** Takes in what came before its directory, level by level. */
  #adopt(): void {
    for (let before = -1; this.#orphans.length !== before;) {
      before = this.#orphans.length;
      this.#orphans = this.#orphans.filter(({ kind, bytes, keyEnd }) => {
        const key = readKey(bytes, 0, keyEnd);
        const isDirectory = kind === SnapshotNodeKind.directory;
        return !this.#tree.restoreNode(key, isDirectory, bytes, keyEnd, bytes.length);
      });
    }
  }
}

/** A number that is too large, or a node that is there twice, is found by whoever takes it in. */
function refusing(run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw cause instanceof KvError ? cause : bad("a node cannot be taken in", cause);
  }
}

function bad(reason: string, cause?: unknown): KvError {
  return new KvError({ code: "DT_KV_BAD_SNAPSHOT", reason }, cause === undefined ? {} : { cause });
}
