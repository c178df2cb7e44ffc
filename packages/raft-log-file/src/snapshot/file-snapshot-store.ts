import { join } from "node:path";
import type { SnapshotMeta, SnapshotReader, SnapshotStore, SnapshotWriter } from "@dt/raft";
import { ensureDirectory } from "../directory/log-directory.ts";
import type { FileLogLocation } from "../file-log.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import {
  dataPath,
  listSnapshots,
  newestFirst,
  removeUnfinished,
  snapshotName,
  snapshotsPath,
  type StoredSnapshot,
  unfinishedPath,
} from "./snapshot-directory.ts";
import { SnapshotError } from "./snapshot-error.ts";
import {
  type ResolvedSnapshotStoreOptions,
  resolveSnapshotStoreOptions,
  type SnapshotStoreOptions,
} from "./snapshot-options.ts";
import { FileSnapshotReader } from "./snapshot-reader.ts";
import { FileSnapshotWriter, snapshotError } from "./snapshot-writer.ts";

/**
 * A group's snapshots, each a directory of its own. It is written under a temporary name, synced with
 * everything in it, and renamed: it is there whole or not at all. FORMAT.md has the files.
 */
export class FileSnapshotStore implements SnapshotStore {
  readonly #location: FileLogLocation;
  readonly #directory: string;
  readonly #options: ResolvedSnapshotStoreOptions;
  readonly #fileSystem: FileSystem;
  readonly #snapshots = new Map<string, StoredSnapshot>();
  readonly #writers = new Set<FileSnapshotWriter>();
  readonly #readers = new Set<FileSnapshotReader>();
  #damaged: readonly string[] = [];
  #generation = 0;
  #state: "new" | "open" | "closed" = "new";
  #isClosed = false;
  /** Renames and removals, one after the other. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(
    location: FileLogLocation,
    options: SnapshotStoreOptions = {},
    fileSystem: FileSystem = nodeFileSystem,
  ) {
    this.#location = location;
    this.#directory = snapshotsPath(location.directory);
    this.#options = resolveSnapshotStoreOptions(options);
    this.#fileSystem = fileSystem;
  }

  /** True once `close` has finished, or `open` has failed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Directories that cannot be used: their meta or their size is wrong. They stay until a newer snapshot
   * is finished.
   */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  /** Once per object. Rejects with DT_LOG_FORMAT, DT_LOG_FOREIGN_FILE, DT_SNAPSHOT_IO. */
  async open(): Promise<readonly SnapshotMeta[]> {
    if (this.#state !== "new") {
      throw this.#closed();
    }
    this.#state = "open";
    try {
      await ensureDirectory(this.#fileSystem, this.#directory);
      await this.#load();
    } catch (error) {
      this.#state = "closed";
      this.#isClosed = true;
      throw snapshotError(error, this.#directory);
    }
    return [...this.#snapshots.values()].toSorted(newestFirst).map(({ meta }) => meta);
  }

  /** Rejects with DT_SNAPSHOT_BUSY, DT_SNAPSHOT_NO_SPACE, DT_SNAPSHOT_IO, DT_SNAPSHOT_CLOSED; so do the writer's calls. */
  async create(meta: Omit<SnapshotMeta, "byteLength">): Promise<SnapshotWriter> {
    this.#requireOpen();
    const { maxWriters } = this.#options;
    if (this.#writers.size >= maxWriters) {
      const directory = this.#directory;
      throw new SnapshotError({ code: "DT_SNAPSHOT_BUSY", directory, maxWriters });
    }
    const generation = ++this.#generation;
    const writer = new FileSnapshotWriter({
      fileSystem: this.#fileSystem,
      identity: this.#location,
      meta: { ...meta, membership: Buffer.from(meta.membership) },
      path: join(this.#directory, snapshotName(meta.index, generation)),
      generation,
      publish: (snapshot) => this.#change(() => this.#publish(snapshot)),
      onEnded: () => this.#writers.delete(writer),
    });
    this.#writers.add(writer);
    await writer.open();
    return writer;
  }

  async read(id: string): Promise<SnapshotReader> {
    this.#requireOpen();
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) {
      throw new SnapshotError({ code: "DT_SNAPSHOT_NOT_FOUND", id });
    }
    const file = await this.#openData(snapshot);
    if (this.#state !== "open") {
      await file.close();
      throw this.#closed();
    }
    const reader: FileSnapshotReader = new FileSnapshotReader(snapshot, file, () =>
      this.#readers.delete(reader),
    );
    this.#readers.add(reader);
    return reader;
  }

  async remove(id: string): Promise<void> {
    this.#requireOpen();
    await this.#change(async () => {
      const snapshot = this.#snapshots.get(id);
      if (snapshot !== undefined) {
        this.#snapshots.delete(id);
        await this.#retire(snapshot.path);
      }
    });
  }

  async close(): Promise<void> {
    this.#state = "closed";
    await Promise.all([...this.#writers].map((writer) => writer.abort()));
    await Promise.allSettled([...this.#readers].map((reader) => reader.close()));
    await this.#changing;
    this.#isClosed = true;
  }

  async #load(): Promise<void> {
    const found = await listSnapshots(this.#fileSystem, this.#directory, this.#location);
    this.#generation = found.highestGeneration;
    this.#damaged = found.damaged;
    for (const path of found.leftovers) {
      await removeUnfinished(this.#fileSystem, path);
    }
    for (const snapshot of found.finished) {
      if (this.#snapshots.has(snapshot.meta.id)) {
        // Its replacement was finished; the removal was not.
        await this.#retire(snapshot.path);
      } else {
        this.#snapshots.set(snapshot.meta.id, snapshot);
      }
    }
  }

  async #openData(snapshot: StoredSnapshot): Promise<StoredFile> {
    const { id } = snapshot.meta;
    const path = dataPath(snapshot.path);
    try {
      return await this.#fileSystem.open(path, "read");
    } catch (cause) {
      if (this.#snapshots.get(id) !== snapshot) {
        throw new SnapshotError({ code: "DT_SNAPSHOT_NOT_FOUND", id }, { cause });
      }
      const reason = "it cannot be opened";
      throw new SnapshotError(
        { code: "DT_SNAPSHOT_DAMAGED", id, file: path, offset: 0, reason },
        { cause },
      );
    }
  }

  async #publish(snapshot: StoredSnapshot): Promise<void> {
    this.#requireOpen();
    const { meta, path } = snapshot;
    await this.#fileSystem.rename(unfinishedPath(path), path);
    try {
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      // Told as not stored, it must not come back: its writer removes it under the other name.
      await this.#fileSystem.rename(path, unfinishedPath(path)).catch(() => {});
      throw error;
    }
    const replaced = this.#snapshots.get(meta.id);
    this.#snapshots.set(meta.id, snapshot);
    // The new one is there: what stands in the way of a removal is tried again at the next open.
    await this.#tidy(replaced).catch(() => {});
  }

  /** Removes what the newest snapshot makes superfluous. */
  async #tidy(replaced: StoredSnapshot | undefined): Promise<void> {
    if (replaced !== undefined) {
      await this.#retire(replaced.path);
    }
    const sorted = [...this.#snapshots.values()].toSorted(newestFirst);
    for (const { meta, path } of sorted.slice(this.#options.retain)) {
      this.#snapshots.delete(meta.id);
      await this.#retire(path);
    }
    for (const path of this.#damaged) {
      await this.#retire(path);
    }
    this.#damaged = [];
  }

  /** Takes a snapshot out of the listing in one step, then removes its files. */
  async #retire(path: string): Promise<void> {
    await this.#fileSystem.rename(path, unfinishedPath(path));
    await this.#fileSystem.syncDirectory(this.#directory);
    await removeUnfinished(this.#fileSystem, unfinishedPath(path));
  }

  #change<T>(step: () => Promise<T>): Promise<T> {
    const changed = this.#changing.then(step).catch((error: unknown) => {
      throw snapshotError(error, this.#directory);
    });
    this.#changing = changed.catch(() => {}); // Whoever asked for it has it.
    return changed;
  }

  #requireOpen(): void {
    if (this.#state !== "open") {
      throw this.#closed();
    }
  }

  #closed(): SnapshotError {
    return new SnapshotError({ code: "DT_SNAPSHOT_CLOSED", directory: this.#directory });
  }
}
