import { crc32 } from "@dt/codec";
import type { ClientHistory } from "../check/client-history.ts";
import type { Ledger } from "../check/ledger.ts";
import type { EntryCursor } from "../../node/entry-cursor.ts";
import type { SnapshotSource, StateMachine } from "../../node/state-machine.ts";

const WORD_BYTES = 8;

/** Registers that hold the id of their last write. */
export class RegisterGroupMachine implements StateMachine<number> {
  readonly values = new Map<number, number>();
  appliedIndex = 0;
  /** Snapshots that the state came from. */
  restores = 0;
  #digest = 0;
  readonly #nodeId: number;
  readonly #history: ClientHistory;
  readonly #ledger: Ledger;

  constructor(nodeId: number, history: ClientHistory, ledger: Ledger) {
    this.#nodeId = nodeId;
    this.#history = history;
    this.#ledger = ledger;
  }

  encodeResult(id: number): Buffer {
    const bytes = Buffer.alloc(WORD_BYTES);
    bytes.writeDoubleBE(id);
    return bytes;
  }

  decodeResult(bytes: Buffer): number {
    return bytes.readDoubleBE();
  }

  takeSnapshot(): SnapshotSource {
    const words = [this.appliedIndex, this.#digest, ...[...this.values].flat()];
    const bytes = Buffer.alloc(words.length * WORD_BYTES);
    words.forEach((word, i) => bytes.writeDoubleBE(word, i * WORD_BYTES));
    let at = 0;
    return {
      // In small pieces, so that other things happen between them.
      next: () => {
        const part = bytes.subarray(at, at + WORD_BYTES);
        at += WORD_BYTES;
        return part.length === 0 ? null : part;
      },
      close: () => {},
    };
  }

  async restoreSnapshot(chunks: AsyncIterable<Buffer>): Promise<void> {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) {
      parts.push(Buffer.from(chunk));
    }
    const bytes = Buffer.concat(parts);
    const words = Array.from({ length: bytes.length / WORD_BYTES }, (_, i) =>
      bytes.readDoubleBE(i * WORD_BYTES),
    );
    const [appliedIndex = 0, digest = 0, ...pairs] = words;
    this.values.clear();
    for (let i = 0; i < pairs.length; i += 2) {
      this.values.set(pairs[i] ?? 0, pairs[i + 1] ?? 0);
    }
    this.appliedIndex = appliedIndex;
    this.#digest = digest;
    this.restores++;
    if (appliedIndex > 0) {
      this.#ledger.noteDigest(this.#nodeId, appliedIndex, digest);
    }
  }

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      const { buf, start, end, index } = entries;
      const id = buf.readUInt32BE(start);
      const command = { id, client: buf.readUInt16BE(start + 4), key: buf.readUInt16BE(start + 6) };
      this.values.set(command.key, id);
      this.#digest = crc32(buf, start, end, this.#digest);
      this.appliedIndex = index;
      this.#ledger.noteDigest(this.#nodeId, index, this.#digest);
      this.#history.noteApplied(command, index);
      results.push(id);
    }
  }
}
