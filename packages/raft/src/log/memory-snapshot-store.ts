import { crc32 } from "@dt/codec";
import {
  SNAPSHOT_DAMAGED_CODE,
  SNAPSHOT_NOT_FOUND_CODE,
  type SnapshotMeta,
  type SnapshotReader,
  type SnapshotStore,
  type SnapshotWriter,
} from "./snapshot-store.ts";

/** Why a `MemorySnapshotStore` refused; the codes are those every `SnapshotStore` uses. */
export type MemorySnapshotCode =
  | typeof SNAPSHOT_NOT_FOUND_CODE
  | typeof SNAPSHOT_DAMAGED_CODE
  | "DT_SNAPSHOT_CLOSED";

export class MemorySnapshotError extends Error {
  override readonly name = "MemorySnapshotError" as const;
  readonly code: MemorySnapshotCode;

  constructor(code: MemorySnapshotCode, id: string) {
    super(`${code}: snapshot ${id}`);
    this.code = code;
  }
}

interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly bytes: Buffer;
  readonly crc: number;
}

/**
 * Snapshots that live as long as their object: for tests, simulations and groups that may forget. It
 * can be opened again after `close` and then holds what was finished, as a restarted process finds it.
 */
export class MemorySnapshotStore implements SnapshotStore {
  readonly #snapshots = new Map<string, StoredSnapshot>();
  /** Grows with every `open` and `close`: writers of before may not finish. */
  #epoch = 0;
  #isOpen = false;

  open(): Promise<readonly SnapshotMeta[]> {
    this.#epoch++;
    this.#isOpen = true;
    const metas = [...this.#snapshots.values()].map(({ meta }) => meta);
    return Promise.resolve(metas.toSorted((a, b) => b.index - a.index));
  }

  create(meta: Omit<SnapshotMeta, "byteLength">): Promise<SnapshotWriter> {
    if (!this.#isOpen) {
      return Promise.reject(new MemorySnapshotError("DT_SNAPSHOT_CLOSED", meta.id));
    }
    const epoch = this.#epoch;
    const publish = (bytes: Buffer): SnapshotMeta => {
      if (epoch !== this.#epoch) {
        throw new MemorySnapshotError("DT_SNAPSHOT_CLOSED", meta.id);
      }
      const finished = { ...meta, byteLength: bytes.length };
      const crc = crc32(bytes, 0, bytes.length);
      this.#snapshots.set(meta.id, { meta: finished, bytes, crc });
      return finished;
    };
    return Promise.resolve(new MemoryWriter(meta.id, publish));
  }

  read(id: string): Promise<SnapshotReader> {
    const snapshot = this.#snapshots.get(id);
    if (!this.#isOpen || snapshot === undefined) {
      const code = this.#isOpen ? SNAPSHOT_NOT_FOUND_CODE : "DT_SNAPSHOT_CLOSED";
      return Promise.reject(new MemorySnapshotError(code, id));
    }
    return Promise.resolve(new MemoryReader(snapshot));
  }

  remove(id: string): Promise<void> {
    this.#snapshots.delete(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#epoch++;
    this.#isOpen = false;
    return Promise.resolve();
  }

  /** Flips a bit of a stored snapshot, as a disk may. */
  damage(id: string, offset: number): void {
    const { bytes } = this.#snapshots.get(id) ?? { bytes: Buffer.alloc(0) };
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  }
}

class MemoryWriter implements SnapshotWriter {
  readonly #id: string;
  readonly #publish: (bytes: Buffer) => SnapshotMeta;
  #chunks: Buffer[] = [];
  #finished: SnapshotMeta | null = null;
  #isAborted = false;
  position = 0;

  constructor(id: string, publish: (bytes: Buffer) => SnapshotMeta) {
    this.#id = id;
    this.#publish = publish;
  }

  write(chunk: Buffer): Promise<void> {
    if (this.#isAborted || this.#finished !== null) {
      return Promise.reject(new MemorySnapshotError("DT_SNAPSHOT_CLOSED", this.#id));
    }
    this.#chunks.push(Buffer.from(chunk));
    this.position += chunk.length;
    return Promise.resolve();
  }

  async finish(): Promise<SnapshotMeta> {
    if (this.#isAborted) {
      throw new MemorySnapshotError("DT_SNAPSHOT_CLOSED", this.#id);
    }
    this.#finished ??= this.#publish(Buffer.concat(this.#chunks));
    this.#chunks = [];
    return Promise.resolve(this.#finished);
  }

  abort(): Promise<void> {
    this.#isAborted = this.#finished === null;
    this.#chunks = [];
    return Promise.resolve();
  }
}

class MemoryReader implements SnapshotReader {
  readonly #snapshot: StoredSnapshot;

  constructor(snapshot: StoredSnapshot) {
    this.#snapshot = snapshot;
  }

  get meta(): SnapshotMeta {
    return this.#snapshot.meta;
  }

  read(offset: number, length: number): Promise<Buffer> {
    const { bytes, crc, meta } = this.#snapshot;
    if (crc32(bytes, 0, bytes.length) !== crc) {
      return Promise.reject(new MemorySnapshotError(SNAPSHOT_DAMAGED_CODE, meta.id));
    }
    return Promise.resolve(Buffer.from(bytes.subarray(offset, offset + length)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
