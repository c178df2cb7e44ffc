import { randomBytes } from "node:crypto";
import type { SnapshotMeta, SnapshotWriter } from "@dt/raft";
import { syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import type { LogIdentity } from "../format/log-identity.ts";
import { SALT_BYTES } from "../format/segment-header.ts";
import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  BLOCK_HEADER_BYTES,
  blockSeed,
  sealBlock,
} from "../format/snapshot-block.ts";
import { encodeSnapshotMeta } from "../format/snapshot-meta.ts";
import { errorNumber, isOutOfSpace, LogError } from "../log-error.ts";
import { dataPath, metaPath, removeUnfinished, unfinishedPath } from "./snapshot-directory.ts";
import type { StoredSnapshot } from "./snapshot-directory.ts";
import { SnapshotError } from "./snapshot-error.ts";

/** Blocks written at a time: 1 MiB. */
const STAGED_BLOCKS = 16;
/** Synced as it goes, so that the end of a large snapshot does not hold up the logs' syncs for long. */
const SYNC_BYTES = 8 << 20;

export interface SnapshotWriterContext {
  readonly fileSystem: FileSystem;
  readonly identity: LogIdentity;
  readonly meta: Omit<SnapshotMeta, "byteLength">;
  /** The name that it gets when it is finished. */
  readonly path: string;
  readonly generation: number;
  /** Makes it visible: renames it and syncs the directory above. */
  readonly publish: (snapshot: StoredSnapshot) => Promise<void>;
  /** Runs once, when nothing more is written. */
  readonly onEnded: () => void;
}

/** Writes a snapshot under its temporary name. */
export class FileSnapshotWriter implements SnapshotWriter {
  readonly #context: SnapshotWriterContext;
  readonly #salt: Buffer = randomBytes(SALT_BYTES);
  readonly #seed: number = blockSeed(this.#salt);
  readonly #staged: Buffer = Buffer.allocUnsafeSlow(STAGED_BLOCKS * BLOCK_BYTES);
  #file: StoredFile | null = null;
  /** Blocks in the file already. */
  #writtenBlocks = 0;
  /** Content bytes in `#staged`. */
  #stagedBytes = 0;
  #unsyncedBytes = 0;
  #state: "writing" | "finished" | "aborted" = "writing";
  #finishing: Promise<SnapshotMeta> | null = null;
  #aborting: Promise<void> | null = null;
  /** The call under way; an abort waits for it. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(context: SnapshotWriterContext) {
    this.#context = context;
  }

  get position(): number {
    return this.#writtenBlocks * BLOCK_CONTENT_BYTES + this.#stagedBytes;
  }

  /** Makes the directory and the file. */
  open(): Promise<void> {
    return this.#guard(async (temporary) => {
      await this.#context.fileSystem.makeDirectory(temporary);
      this.#file = await this.#context.fileSystem.open(dataPath(temporary), "create");
    });
  }

  write(chunk: Buffer): Promise<void> {
    return this.#guard(async () => {
      for (let at = 0; at < chunk.length;) {
        const inBlock = this.#stagedBytes % BLOCK_CONTENT_BYTES;
        const block = Math.floor(this.#stagedBytes / BLOCK_CONTENT_BYTES);
        const bytes = Math.min(chunk.length - at, BLOCK_CONTENT_BYTES - inBlock);
        const to = block * BLOCK_BYTES + BLOCK_HEADER_BYTES + inBlock;
        chunk.copy(this.#staged, to, at, at + bytes);
        at += bytes;
        this.#stagedBytes += bytes;
        if (this.#stagedBytes === STAGED_BLOCKS * BLOCK_CONTENT_BYTES) {
          await this.#writeStaged();
        }
      }
    });
  }

  finish(): Promise<SnapshotMeta> {
    this.#finishing ??= this.#guard((temporary) => this.#finish(temporary));
    return this.#finishing;
  }

  abort(): Promise<void> {
    if (this.#state === "writing") {
      this.#state = "aborted";
      this.#aborting = this.#running.then(() => this.#discard());
    }
    return this.#aborting ?? Promise.resolve();
  }

  async #finish(temporary: string): Promise<SnapshotMeta> {
    const { fileSystem, identity, path, generation, publish, onEnded } = this.#context;
    const meta: SnapshotMeta = { ...this.#context.meta, byteLength: this.position };
    await this.#writeStaged();
    await this.#sync();
    await this.#closeFile();
    const bytes = encodeSnapshotMeta({ ...identity, meta, salt: this.#salt });
    const file = await fileSystem.open(metaPath(temporary), "create");
    try {
      await writeFrom(file, bytes, 0, bytes.length, 0);
      await syncFile(file);
    } finally {
      await file.close();
    }
    await fileSystem.syncDirectory(temporary);
    await publish({ meta, path, generation, seed: this.#seed });
    this.#state = "finished";
    onEnded();
    return meta;
  }

  async #writeStaged(): Promise<void> {
    const blocks = Math.ceil(this.#stagedBytes / BLOCK_CONTENT_BYTES);
    if (blocks === 0) {
      return;
    }
    for (let i = 0; i < blocks; i++) {
      const rest = this.#stagedBytes - i * BLOCK_CONTENT_BYTES;
      const contentBytes = Math.min(BLOCK_CONTENT_BYTES, rest);
      sealBlock(this.#staged, i * BLOCK_BYTES, contentBytes, this.#seed, this.#writtenBlocks + i);
    }
    const end = this.#stagedBytes + blocks * BLOCK_HEADER_BYTES;
    const position = this.#writtenBlocks * BLOCK_BYTES;
    await writeFrom(this.#file as StoredFile, this.#staged, 0, end, position);
    this.#writtenBlocks += blocks;
    this.#stagedBytes = 0;
    this.#unsyncedBytes += end;
    if (this.#unsyncedBytes >= SYNC_BYTES) {
      await this.#sync();
    }
  }

  async #sync(): Promise<void> {
    await syncFile(this.#file as StoredFile);
    this.#unsyncedBytes = 0;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** Runs a step; a failure ends the writer and leaves nothing behind. */
  #guard<T>(step: (temporary: string) => Promise<T>): Promise<T> {
    const { path } = this.#context;
    if (this.#state !== "writing") {
      return Promise.reject(new SnapshotError({ code: "DT_SNAPSHOT_CLOSED", directory: path }));
    }
    const temporary = unfinishedPath(path);
    const running = step(temporary).catch(async (error: unknown) => {
      if (this.#state === "writing") {
        this.#state = "aborted";
        this.#aborting = this.#discard();
        await this.#aborting;
      }
      throw snapshotError(error, temporary);
    });
    this.#running = running.catch(() => {}); // Whoever called has it.
    return running;
  }

  /** What cannot be removed now is removed at the next open. */
  async #discard(): Promise<void> {
    const temporary = unfinishedPath(this.#context.path);
    await this.#closeFile().catch(() => {});
    await removeUnfinished(this.#context.fileSystem, temporary).catch(() => {});
    this.#context.onEnded();
  }
}

/** The coded error of an operation that failed in a directory; other errors as they are. */
export function snapshotError(error: unknown, directory: string): unknown {
  if (error instanceof SnapshotError || error instanceof LogError || errorNumber(error) === "") {
    return error;
  }
  const cause = error as Error;
  if (isOutOfSpace(cause)) {
    return new SnapshotError({ code: "DT_SNAPSHOT_NO_SPACE", file: directory }, { cause });
  }
  const operation = "syscall" in cause ? String(cause.syscall) : "an operation";
  return new SnapshotError({ code: "DT_SNAPSHOT_IO", file: directory, operation }, { cause });
}
