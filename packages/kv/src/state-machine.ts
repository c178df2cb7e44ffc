// Hot path: per applied entry. Bench: bench/store.bench.ts. No closures, no promises, no views.
import type { EntryCursor, SnapshotSource, StateMachine } from "@dt/raft";
import { BatchPutWalk } from "./command/batch-put.ts";
import { readCas } from "./command/cas.ts";
import type { CasResult } from "./command/cas.ts";
import { checkDelete, deleteKeyStart, isRecursiveDelete } from "./command/delete.ts";
import { KEY_LENGTH_BYTES, keyFieldEnd } from "./command/key-field.ts";
import { checkMkdir } from "./command/mkdir.ts";
import { EntryKind } from "./command/numbers.ts";
import { Refusal } from "./refusal.ts";
import { checkKey, keyStart, readKey } from "./store/byte-key.ts";
import { decodeResult, encodeResult } from "./result-codec.ts";
import { TreeRestore } from "./snapshot/tree-restore.ts";
import { TreeSnapshot } from "./snapshot/tree-snapshot.ts";
import { digestTree } from "./store/digest.ts";
import { DirectoryNode } from "./store/node.ts";
import { Tree } from "./store/tree.ts";
import { MAX_VALUE_BYTES } from "./store/record.ts";

/**
 * What became of an entry. For put, delete and mkdir a revision, 0 when there was nothing to do, or a Refusal; for
 * cas its result or a Refusal; for a batch one such number per put, or a Refusal of all.
 */
export type KvResult = number | CasResult | readonly number[];

/**
 * The tree as a state machine. Entries may hold anything: what cannot be carried out is refused by a result, the
 * same on every replica, and changes nothing.
 */
export class KvStateMachine implements StateMachine<KvResult> {
  readonly tree: Tree;

  constructor(tree: Tree = new Tree()) {
    this.tree = tree;
  }

  applyBatch(entries: EntryCursor, results: KvResult[]): void {
    while (entries.next()) {
      results.push(
        this.apply(entries.bizType, entries.buf, entries.start, entries.end, entries.timestampMs),
      );
    }
  }

  /** Applies one command; `kind` is an EntryKind. */
  apply(kind: number, buf: Buffer, start: number, end: number, timestampMs: number): KvResult {
    switch (kind) {
      case EntryKind.put: {
        const keyEnd = keyFieldEnd(buf, start, end);
        return keyEnd < 0
          ? Refusal.requestMalformed
          : this.#put(buf, start + KEY_LENGTH_BYTES, keyEnd, keyEnd, end, timestampMs);
      }
      case EntryKind.delete:
        return this.#delete(buf, start, end);
      case EntryKind.cas:
        return this.#cas(buf, start, end, timestampMs);
      case EntryKind.batchPut:
        return this.#batchPut(buf, start, end, timestampMs);
      case EntryKind.mkdir:
        return this.#mkdir(buf, start, end, timestampMs);
      default:
        return Refusal.unknownCommand;
    }
  }

  /** The tree as it is now, in the format of `snapshot/format.ts`. */
  takeSnapshot(): SnapshotSource {
    return new TreeSnapshot(this.tree);
  }

  /** Rejects with DT_KV_BAD_SNAPSHOT, and then the tree is as it was. */
  async restoreSnapshot(chunks: AsyncIterable<Buffer>): Promise<void> {
    const tree = new Tree();
    const restore = new TreeRestore(tree);
    for await (const chunk of chunks) {
      restore.add(chunk);
    }
    restore.finish();
    this.tree.takeOver(tree);
  }

  encodeResult(result: KvResult): Buffer {
    return encodeResult(result);
  }

  decodeResult(bytes: Buffer): KvResult {
    return decodeResult(bytes);
  }

  /** SHA-256 of the whole state: equal on replicas that have applied the same entries. */
  digest(): string {
    return digestTree(this.tree);
  }

  #put(
    buf: Buffer,
    keyFieldStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    timestampMs: number,
  ): number {
    if (valueEnd - valueStart > MAX_VALUE_BYTES) {
      return Refusal.valueTooLarge;
    }
    const keyFrom = keyStart(buf, keyFieldStart, keyEnd);
    const node = this.tree.findAt(buf, keyFrom, keyEnd);
    if (node === null) {
      // A key that is there has been checked when it was created.
      const refusal = checkKey(buf, keyFrom, keyEnd);
      return refusal === 0
        ? this.tree.create(readKey(buf, keyFrom, keyEnd), buf, valueStart, valueEnd, timestampMs)
        : refusal;
    }
    return node instanceof DirectoryNode
      ? Refusal.isDirectory
      : this.tree.update(node, buf, valueStart, valueEnd, timestampMs);
  }

  #delete(buf: Buffer, start: number, end: number): number {
    const refusal = checkDelete(buf, start, end);
    return refusal === 0
      ? this.tree.remove(
          readKey(buf, deleteKeyStart(buf, start, end), end),
          isRecursiveDelete(buf, start),
        )
      : refusal;
  }

  #mkdir(buf: Buffer, start: number, end: number, timestampMs: number): number {
    const refusal = checkMkdir(buf, start, end);
    return refusal === 0
      ? this.tree.makeDirectory(readKey(buf, keyStart(buf, start, end), end), timestampMs)
      : refusal;
  }

  #cas(buf: Buffer, start: number, end: number, timestampMs: number): CasResult | Refusal {
    const fields = readCas(buf, start, end);
    if (typeof fields === "number") {
      return fields;
    }
    const { keyStart: keyFrom, keyEnd, expectedStart, expectedEnd, revision: expected } = fields;
    const node = this.tree.findAt(buf, keyFrom, keyEnd);
    if (node instanceof DirectoryNode) {
      return Refusal.isDirectory;
    }
    if (node === null) {
      const refusal = checkKey(buf, keyFrom, keyEnd);
      if (refusal !== 0) {
        return refusal;
      }
      return expected === 0
        ? swapped(
            this.tree.create(readKey(buf, keyFrom, keyEnd), buf, expectedEnd, end, timestampMs),
          )
        : { isSwapped: false, modRevision: 0 };
    }
    const isExpected =
      expected < 0 ? node.holds(buf, expectedStart, expectedEnd) : node.modRevision === expected;
    return isExpected
      ? swapped(this.tree.update(node, buf, expectedEnd, end, timestampMs))
      : { isSwapped: false, modRevision: node.modRevision };
  }

  #batchPut(
    buf: Buffer,
    start: number,
    end: number,
    timestampMs: number,
  ): readonly number[] | Refusal {
    const walk = new BatchPutWalk(buf, start, end);
    const refusal = walk.check();
    if (refusal !== 0) {
      return refusal;
    }
    const outcomes: number[] = [];
    for (let i = 0, count = walk.count; i < count && walk.next(); i++) {
      const { keyStart: keyFrom, keyEnd, valueStart, valueEnd } = walk;
      outcomes.push(this.#put(buf, keyFrom, keyEnd, valueStart, valueEnd, timestampMs));
    }
    return outcomes;
  }
}

function swapped(outcome: number): CasResult | Refusal {
  return outcome < 0 ? (outcome as Refusal) : { isSwapped: true, revision: outcome };
}
