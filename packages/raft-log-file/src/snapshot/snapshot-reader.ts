import type { SnapshotMeta, SnapshotReader } from "@dt/raft";
import { readInto } from "../file-io.ts";
import type { StoredFile } from "../file-system.ts";
import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  BLOCK_HEADER_BYTES,
  isBlockGood,
} from "../format/snapshot-block.ts";
import { dataPath, type StoredSnapshot } from "./snapshot-directory.ts";
import { SnapshotError } from "./snapshot-error.ts";

/** Blocks read at a time: 1 MiB. */
const READ_BLOCKS = 16;

/** Hands out the content of a snapshot, each block checked before anything of it is. */
export class FileSnapshotReader implements SnapshotReader {
  readonly #snapshot: StoredSnapshot;
  readonly #file: StoredFile;
  readonly #onClosed: () => void;
  /** The blocks read last, checked. */
  #bytes: Buffer = Buffer.alloc(0);
  #firstBlock = 0;
  #blockCount = 0;
  #isClosed = false;

  constructor(snapshot: StoredSnapshot, file: StoredFile, onClosed: () => void) {
    this.#snapshot = snapshot;
    this.#file = file;
    this.#onClosed = onClosed;
  }

  get meta(): SnapshotMeta {
    return this.#snapshot.meta;
  }

  /** One after the other. */
  async read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(this.meta.byteLength, offset + length);
    const content = Buffer.allocUnsafeSlow(Math.max(0, end - offset));
    for (let at = offset; at < end;) {
      const block = Math.floor(at / BLOCK_CONTENT_BYTES);
      if (block < this.#firstBlock || block >= this.#firstBlock + this.#blockCount) {
        await this.#load(block, Math.ceil(end / BLOCK_CONTENT_BYTES));
      }
      const from = at - block * BLOCK_CONTENT_BYTES;
      const bytes = Math.min(end - at, this.#contentBytes(block) - from);
      const start = (block - this.#firstBlock) * BLOCK_BYTES + BLOCK_HEADER_BYTES + from;
      this.#bytes.copy(content, at - offset, start, start + bytes);
      at += bytes;
    }
    return content;
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#onClosed();
      await this.#file.close();
    }
  }

  /** Reads blocks from this one on, not beyond `endBlock`. */
  async #load(block: number, endBlock: number): Promise<void> {
    if (this.#isClosed) {
      const directory = this.#snapshot.path;
      throw new SnapshotError({ code: "DT_SNAPSHOT_CLOSED", directory });
    }
    const count = Math.min(READ_BLOCKS, endBlock - block);
    this.#blockCount = 0;
    if (this.#bytes.length < count * BLOCK_BYTES) {
      this.#bytes = Buffer.allocUnsafeSlow(count * BLOCK_BYTES);
    }
    const wanted =
      (count - 1) * BLOCK_BYTES + BLOCK_HEADER_BYTES + this.#contentBytes(block + count - 1);
    const read = await this.#readFile(wanted, block * BLOCK_BYTES);
    for (let i = 0; i < count; i++) {
      const contentBytes = this.#contentBytes(block + i);
      const isThere = i * BLOCK_BYTES + BLOCK_HEADER_BYTES + contentBytes <= read;
      const { seed } = this.#snapshot;
      if (!isThere || !isBlockGood(this.#bytes, i * BLOCK_BYTES, contentBytes, seed, block + i)) {
        throw this.#damaged((block + i) * BLOCK_BYTES, isThere ? "wrong checksum" : "missing");
      }
    }
    this.#firstBlock = block;
    this.#blockCount = count;
  }

  async #readFile(bytes: number, position: number): Promise<number> {
    try {
      return await readInto(this.#file, this.#bytes, 0, bytes, position);
    } catch (cause) {
      throw this.#damaged(position, "it cannot be read", cause);
    }
  }

  #contentBytes(block: number): number {
    return Math.min(BLOCK_CONTENT_BYTES, this.meta.byteLength - block * BLOCK_CONTENT_BYTES);
  }

  #damaged(offset: number, reason: string, cause?: unknown): SnapshotError {
    const file = dataPath(this.#snapshot.path);
    return new SnapshotError(
      { code: "DT_SNAPSHOT_DAMAGED", id: this.meta.id, file, offset, reason },
      { cause },
    );
  }
}
