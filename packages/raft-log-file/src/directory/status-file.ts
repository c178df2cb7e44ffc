import { createWhole, readInto, writeAll } from "../file-io.ts";
import type { Done, FileSystem, StoredFile } from "../file-system.ts";
import { checkIdentity, type LogIdentity } from "../format/log-identity.ts";
import {
  decodeSlot,
  encodeSlot,
  INITIAL_STATUS,
  SLOT_BYTES,
  type Status,
  type StatusSlot,
} from "../format/status-slot.ts";
import { LogError } from "../log-error.ts";

interface StatusChange {
  readonly change: (status: Status) => Status;
  readonly done: Done;
}

/**
 * Term and vote of a log, in two slots. A change is written to one slot, synced, then to the other
 * and synced: after a torn write the other slot holds what was before, and a slot that is damaged
 * later has a twin. The whole slot with the higher sequence counts. Synced also for a log that runs without syncs: it
 * could not be opened again if its status knew less than what is left of its segments.
 */
export class StatusFile {
  readonly #file: StoredFile;
  readonly #block: Buffer = Buffer.alloc(SLOT_BYTES);
  #slot: StatusSlot;
  /** The first one is under way. */
  readonly #changes: StatusChange[] = [];

  private constructor(file: StoredFile, slot: StatusSlot) {
    this.#file = file;
    this.#slot = slot;
  }

  /** What was last made durable. */
  get status(): Status {
    return this.#slot.status;
  }

  /** Makes a new file, whole or not at all; its name is not durable yet. */
  static async create(
    fileSystem: FileSystem,
    path: string,
    identity: LogIdentity,
  ): Promise<StatusFile> {
    const slot: StatusSlot = { identity, sequence: 1, status: INITIAL_STATUS };
    const slots = Buffer.alloc(2 * SLOT_BYTES);
    encodeSlot(slot, slots, 0);
    encodeSlot(slot, slots, SLOT_BYTES);
    const file = await createWhole(fileSystem, path, slots);
    return new StatusFile(file, slot);
  }

  /**
   * Opens a file and changes nothing. Throws the system's error when there is none, DT_LOG_CORRUPT
   * when neither slot is whole, DT_LOG_FORMAT, DT_LOG_FOREIGN_FILE.
   */
  static async open(
    fileSystem: FileSystem,
    path: string,
    identity: LogIdentity,
  ): Promise<StatusFile> {
    const file = await fileSystem.open(path, "write");
    try {
      const slot = await readNewest(file, path);
      checkIdentity(path, identity, slot.identity);
      return new StatusFile(file, slot);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Changes the status: `change` gets what was durable before. `done` when both slots are. Changes take
   * effect in the order of the calls, one after the other.
   */
  update(change: StatusChange["change"], done: Done): void {
    this.#changes.push({ change, done });
    if (this.#changes.length === 1) {
      this.#next();
    }
  }

  #next(): void {
    const [first] = this.#changes;
    if (first !== undefined) {
      this.#write(first.change(this.status), (error) => {
        this.#changes.shift();
        this.#next();
        first.done(error);
      });
    }
  }

  #write(status: Status, done: Done): void {
    const slot: StatusSlot = { ...this.#slot, sequence: this.#slot.sequence + 1, status };
    encodeSlot(slot, this.#block, 0);
    const first = (slot.sequence % 2) * SLOT_BYTES;
    this.#writeBlock(first, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#slot = slot;
      this.#writeBlock(SLOT_BYTES - first, done);
    });
  }

  /**
   * Writes what was found once more: a slot may be torn, and after an error of an earlier sync what
   * the cache shows may not be what the disk holds.
   */
  restore(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.update(unchanged, (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #writeBlock(position: number, done: Done): void {
    writeAll(this.#file, this.#block, 0, SLOT_BYTES, position, (error) => {
      if (error !== null) {
        done(error);
      } else {
        this.#file.sync(done);
      }
    });
  }
}

function unchanged(status: Status): Status {
  return status;
}

/** The status in a file that is only looked at. Throws the system's error when there is none. */
export async function readStatus(fileSystem: FileSystem, path: string): Promise<StatusSlot> {
  const file = await fileSystem.open(path, "read");
  try {
    return await readNewest(file, path);
  } finally {
    await file.close();
  }
}

async function readNewest(file: StoredFile, path: string): Promise<StatusSlot> {
  const bytes = Buffer.alloc(2 * SLOT_BYTES);
  await readInto(file, bytes, 0, bytes.length, 0);
  const first = decodeSlot(bytes, 0, path);
  const second = decodeSlot(bytes, SLOT_BYTES, path);
  const best = first === null || (second !== null && second.sequence > first.sequence);
  const slot = best ? second : first;
  if (slot === null) {
    const reason = "neither slot of the status is whole";
    throw new LogError({ code: "DT_LOG_CORRUPT", file: path, offset: 0, index: 0, reason });
  }
  return slot;
}
