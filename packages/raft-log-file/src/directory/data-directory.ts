import { dirname, join, resolve } from "node:path";
import { DirectoryLock } from "./directory-lock.ts";
import { closeAll } from "../file-io.ts";
import { FileLog } from "../file-log.ts";
import type { FileSystem } from "../file-system.ts";
import {
  checkOriginal,
  checkOwner,
  createIdentity,
  type Identity,
  MAX_CLUSTER_ID_BYTES,
  readStoredIdentity,
  writeIdentity,
} from "./identity-file.ts";
import { ensureDirectory } from "./log-directory.ts";
import { errorNumber, LogError } from "../log-error.ts";
import { PeerBook } from "./peer-book.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import type { FileLogOptions } from "../options.ts";
import { FileSnapshotStore } from "../snapshot/file-snapshot-store.ts";
import type { SnapshotStoreOptions } from "../snapshot/snapshot-options.ts";
import { type JournalReport, replayJournal } from "../sync/replay-journal.ts";
import { SharedJournal, type SharedJournalOptions } from "../sync/shared-journal.ts";

export interface DataDirectoryOptions {
  readonly path: string;
  /** At most 255 bytes of UTF-8. */
  readonly clusterId: string;
  /** 1 to 2^32 - 1. */
  readonly nodeId: number;
}

export interface DataDirectoryDeps {
  readonly fileSystem: FileSystem;
  /** Takes the directory for one owner; throws DT_LOG_IN_USE when it has one. */
  readonly lock: (path: string) => Promise<{ release(): Promise<void> }>;
  /** When flushes of several logs share a sync; the defaults where this is left out. */
  readonly journal?: SharedJournalOptions;
}

const NODE_DEPS: DataDirectoryDeps = {
  fileSystem: nodeFileSystem,
  lock: (path) => DirectoryLock.acquire(path),
};

/** A node's data directory: its identity, the lock on it, and the logs of its groups. */
export class DataDirectory {
  readonly path: string;
  readonly identity: Identity;
  /** The stores that other members came with: the `stores` of a `RaftServer`. */
  readonly peers: PeerBook;
  readonly #fileSystem: FileSystem;
  readonly #lock: { release(): Promise<void> };
  readonly #journal: SharedJournal;
  /** What a crash had left in the journal, and what became of it; null for nothing. */
  readonly recovered: JournalReport | null;
  readonly #logs = new Map<number, FileLog>();
  readonly #snapshots = new Map<number, FileSnapshotStore>();
  #closing: Promise<void> | null = null;

  private constructor(
    path: string,
    identity: Identity,
    peers: PeerBook,
    fileSystem: FileSystem,
    lock: { release(): Promise<void> },
    recovered: JournalReport | null,
    journal: SharedJournal,
  ) {
    this.path = path;
    this.identity = identity;
    this.peers = peers;
    this.#fileSystem = fileSystem;
    this.#lock = lock;
    this.recovered = recovered;
    this.#journal = journal;
  }

  /**
   * Opens a directory, or makes it. Throws DT_LOG_IDENTITY, DT_LOG_CLONED, DT_LOG_FORMAT or DT_LOG_CORRUPT
   * before anything is changed; DT_LOG_IN_USE, DT_LOG_LOCK, DT_LOG_OPTIONS, DT_LOG_IO.
   */
  static async open(
    options: DataDirectoryOptions,
    deps: Partial<DataDirectoryDeps> = {},
  ): Promise<DataDirectory> {
    checkOptions(options);
    const { clusterId, nodeId } = options;
    const { fileSystem, lock: takeLock, journal: journalOptions } = { ...NODE_DEPS, ...deps };
    const path = resolve(options.path);
    const before = await readStoredIdentity(fileSystem, path);
    if (before !== null) {
      checkOwner(path, before, clusterId, nodeId);
      checkOriginal(path, before);
    }
    await ensureDirectory(fileSystem, path);
    if (before === null) {
      await keepName(fileSystem, path);
    }
    const lock = await takeLock(path);
    try {
      // Read again: somebody may have made it before the lock was ours.
      const identity = await ownIdentity(fileSystem, path, clusterId, nodeId);
      const { storeId } = identity;
      const recovered = await replayJournal(fileSystem, path, storeId);
      const journal = new SharedJournal(fileSystem, path, storeId, journalOptions);
      const peers = await PeerBook.open(fileSystem, path, storeId);
      return new DataDirectory(path, identity, peers, fileSystem, lock, recovered, journal);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Syncs that flushes of several logs shared so far, and those flushes. */
  get sharedSyncs(): { readonly syncs: number; readonly flushes: number } {
    return { syncs: this.#journal.waves, flushes: this.#journal.sharedFlushes };
  }

  /** A group's log, to be opened by its user. Throws DT_LOG_IN_USE while an earlier one is not closed, and DT_LOG_OPTIONS. */
  log(groupId: number, options: FileLogOptions = {}): FileLog {
    const directory = this.#directoryOf(groupId);
    const earlier = this.#logs.get(groupId);
    if (earlier !== undefined && !earlier.isClosed) {
      throw new LogError({ code: "DT_LOG_IN_USE", directory, pid: process.pid });
    }
    const { storeId } = this.identity;
    const location = { directory, groupId, storeId };
    const log = new FileLog(location, options, this.#fileSystem, undefined, this.#journal);
    this.#logs.set(groupId, log);
    return log;
  }

  /** A group's snapshots, to be opened by their user. Throws DT_LOG_IN_USE while an earlier store is not closed. */
  snapshots(groupId: number, options: SnapshotStoreOptions = {}): FileSnapshotStore {
    const directory = this.#directoryOf(groupId);
    const earlier = this.#snapshots.get(groupId);
    if (earlier !== undefined && !earlier.isClosed) {
      throw new LogError({ code: "DT_LOG_IN_USE", directory, pid: process.pid });
    }
    const { storeId } = this.identity;
    const store = new FileSnapshotStore({ directory, groupId, storeId }, options, this.#fileSystem);
    this.#snapshots.set(groupId, store);
    return store;
  }

  /** Closes the logs and snapshot stores that are open and lets go of the directory. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #directoryOf(groupId: number): string {
    if (this.#closing !== null) {
      throw new LogError({ code: "DT_LOG_CLOSED", directory: this.path });
    }
    if (!Number.isInteger(groupId) || groupId < 1 || groupId > 0xffff_ffff) {
      const problems = [`groupId: ${groupId} is not an integer from 1 to 4294967295`];
      throw new LogError({ code: "DT_LOG_OPTIONS", problems });
    }
    return join(this.path, String(groupId));
  }

  async #close(): Promise<void> {
    const users = [...this.#logs.values(), ...this.#snapshots.values()];
    const closing = users.map((user) => user.close());
    await Promise.allSettled(closing); // All of them, before another owner may come.
    await closeAll([
      ...closing.map((each) => () => each),
      () => this.#journal.close(),
      () => this.peers.close(),
      () => this.#lock.release(),
    ]);
  }
}

/**
 * Makes the name of a directory without an identity durable: whoever made it may have died, or failed, before it was.
 * Where the directory above may be passed and not read, it was made by somebody else.
 */
async function keepName(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncDirectory(dirname(path));
  } catch (error) {
    if (errorNumber(error) !== "EACCES") {
      throw error;
    }
  }
}

/** Of a directory that is locked: what is there, or a new one. */
async function ownIdentity(
  fileSystem: FileSystem,
  path: string,
  clusterId: string,
  nodeId: number,
): Promise<Identity> {
  const found = await readStoredIdentity(fileSystem, path);
  if (found === null) {
    return createIdentity(fileSystem, path, clusterId, nodeId);
  }
  checkOwner(path, found, clusterId, nodeId);
  checkOriginal(path, found);
  const identity = { clusterId, nodeId, storeId: found.storeId };
  if (found.madeAs === 0n) {
    await writeIdentity(fileSystem, path, identity);
  }
  return identity;
}

function checkOptions(options: DataDirectoryOptions): void {
  const problems: string[] = [];
  const { path, clusterId, nodeId } = options;
  if (path === "") {
    problems.push("path: empty");
  }
  if (Buffer.byteLength(clusterId) > MAX_CLUSTER_ID_BYTES) {
    problems.push(`clusterId: more than ${MAX_CLUSTER_ID_BYTES} bytes`);
  }
  if (!Number.isInteger(nodeId) || nodeId < 1 || nodeId > 0xffff_ffff) {
    problems.push(`nodeId: ${nodeId} is not an integer from 1 to 4294967295`);
  }
  if (problems.length > 0) {
    throw new LogError({ code: "DT_LOG_OPTIONS", problems });
  }
}
