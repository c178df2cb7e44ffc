import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { HardState } from "@dt/raft";
import { readInto, syncFile, writeAll, writeFrom } from "./file-io.ts";
import type { Done, FileSystem, StoredFile } from "./file-system.ts";
import { errorNumber, LogError } from "./log-error.ts";
import { STORE_ID_BYTES } from "./segment-header.ts";

const SLOT_BYTES = 4096;
const FORMAT_VERSION = 1;
const MAGIC = Buffer.from("DTRFTSTA", "latin1");
const CRC_AT = 76;

/** Which log a status file belongs to. */
export interface LogIdentity {
  readonly groupId: number;
  readonly storeId: Buffer;
}

export interface Status {
  readonly hardState: HardState;
  /**
   * Everything up to this index had been acknowledged when the status was written, with this chain:
   * a log that ends before it has lost entries. 0 claims nothing.
   */
  readonly markIndex: number;
  readonly markChain: number;
}

export const INITIAL_STATUS: Status = {
  hardState: { term: 0, vote: 0, commitIndex: 0 },
  markIndex: 0,
  markChain: 0,
};

interface Slot {
  readonly sequence: number;
  readonly status: Status;
}

/**
 * Term and vote of a log, in two slots. A change is written to one slot, synced, then to the other
 * and synced: after a torn write the other slot holds the state before it, and a slot that is
 * damaged later has a twin. The valid slot with the higher sequence counts.
 */
export class StatusFile {
  readonly #file: StoredFile;
  readonly #identity: LogIdentity;
  readonly #isSynced: boolean;
  readonly #block: Buffer = Buffer.alloc(SLOT_BYTES);
  #sequence: number;
  #status: Status;
  /** False when only one slot held the status at open. */
  #hasTwins: boolean;

  private constructor(
    file: StoredFile,
    identity: LogIdentity,
    isSynced: boolean,
    slot: Slot,
    hasTwins: boolean,
  ) {
    this.#file = file;
    this.#identity = identity;
    this.#isSynced = isSynced;
    this.#sequence = slot.sequence;
    this.#status = slot.status;
    this.#hasTwins = hasTwins;
  }

  /** What was last made durable. */
  get status(): Status {
    return this.#status;
  }

  /** Makes a new file, durable but for its name. */
  static async create(
    fileSystem: FileSystem,
    path: string,
    identity: LogIdentity,
    isSynced: boolean,
  ): Promise<StatusFile> {
    const file = await fileSystem.open(path, "create");
    const slots = Buffer.alloc(2 * SLOT_BYTES);
    encodeSlot(slots, 0, identity, 1, INITIAL_STATUS);
    encodeSlot(slots, SLOT_BYTES, identity, 1, INITIAL_STATUS);
    await writeFrom(file, slots, 0, slots.length, 0);
    await syncFile(file);
    return new StatusFile(file, identity, isSynced, { sequence: 1, status: INITIAL_STATUS }, true);
  }

  /**
   * Opens a file and changes nothing. Throws DT_LOG_CORRUPT when neither slot is good, DT_LOG_FORMAT
   * and DT_LOG_FOREIGN_FILE.
   */
  static async open(
    fileSystem: FileSystem,
    path: string,
    identity: LogIdentity,
    isSynced: boolean,
  ): Promise<StatusFile> {
    const file = await fileSystem.open(path, "write");
    try {
      const slots = await readSlots(file, path, identity);
      const best = newest(slots, path);
      const hasTwins = slots.every((slot) => slot?.sequence === best.sequence);
      return new StatusFile(file, identity, isSynced, best, hasTwins);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Replaces the status. `done` when both slots are durable. One call at a time. */
  write(status: Status, done: Done): void {
    const sequence = this.#sequence + 1;
    this.#block.fill(0);
    encodeSlot(this.#block, 0, this.#identity, sequence, status);
    const first = (sequence % 2) * SLOT_BYTES;
    this.#writeSlot(first, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#sequence = sequence;
      this.#status = status;
      this.#hasTwins = true;
      this.#writeSlot(SLOT_BYTES - first, done);
    });
  }

  /** Writes the status again when a torn or damaged slot was found. */
  repair(): Promise<void> {
    if (this.#hasTwins) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.write(this.#status, (error) => {
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

  #writeSlot(position: number, done: Done): void {
    writeAll(this.#file, this.#block, 0, SLOT_BYTES, position, (error) => {
      if (error !== null || !this.#isSynced) {
        done(error);
      } else {
        this.#file.sync(done);
      }
    });
  }
}

/** Reads the status without changing anything; null when there is no file. */
export async function readStatus(
  fileSystem: FileSystem,
  path: string,
  identity: LogIdentity | null,
): Promise<Status | null> {
  let file: StoredFile;
  try {
    file = await fileSystem.open(path, "read");
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw new LogError({ code: "DT_LOG_IO", file: path, operation: "open" }, { cause: error });
  }
  try {
    return newest(await readSlots(file, path, identity), path).status;
  } finally {
    await file.close();
  }
}

async function readSlots(
  file: StoredFile,
  path: string,
  identity: LogIdentity | null,
): Promise<(Slot | null)[]> {
  const bytes = Buffer.alloc(2 * SLOT_BYTES);
  await readInto(file, bytes, 0, bytes.length, 0);
  return [decodeSlot(bytes, 0, path, identity), decodeSlot(bytes, SLOT_BYTES, path, identity)];
}

function newest(slots: readonly (Slot | null)[], path: string): Slot {
  let best: Slot | null = null;
  for (const slot of slots) {
    if (slot !== null && (best === null || slot.sequence > best.sequence)) {
      best = slot;
    }
  }
  if (best === null) {
    const reason = "neither slot of the status passes its checksum";
    throw new LogError({ code: "DT_LOG_CORRUPT", file: path, offset: 0, index: 0, reason });
  }
  return best;
}

function encodeSlot(
  into: Buffer,
  at: number,
  identity: LogIdentity,
  sequence: number,
  status: Status,
): void {
  MAGIC.copy(into, at);
  into.writeUInt32BE(FORMAT_VERSION, at + 8);
  into.writeUInt32BE(identity.groupId, at + 12);
  identity.storeId.copy(into, at + 16);
  writeUint64(into, at + 32, sequence);
  writeUint64(into, at + 40, status.hardState.term);
  writeUint64(into, at + 48, status.hardState.vote);
  writeUint64(into, at + 56, status.hardState.commitIndex);
  writeUint64(into, at + 64, status.markIndex);
  into.writeUInt32BE(status.markChain, at + 72);
  into.writeUInt32BE(crc32(into, at, at + CRC_AT), at + CRC_AT);
}

function decodeSlot(
  bytes: Buffer,
  at: number,
  path: string,
  identity: LogIdentity | null,
): Slot | null {
  const isWhole =
    MAGIC.equals(bytes.subarray(at, at + MAGIC.length)) &&
    crc32(bytes, at, at + CRC_AT) === bytes.readUInt32BE(at + CRC_AT);
  if (!isWhole) {
    return null;
  }
  const version = bytes.readUInt32BE(at + 8);
  if (version > FORMAT_VERSION) {
    throw new LogError({
      code: "DT_LOG_FORMAT",
      file: path,
      version,
      supported: FORMAT_VERSION,
    });
  }
  const found: LogIdentity = {
    groupId: bytes.readUInt32BE(at + 12),
    storeId: bytes.subarray(at + 16, at + 16 + STORE_ID_BYTES),
  };
  if (identity !== null) {
    checkIdentity(path, identity, found);
  }
  return {
    sequence: readUint64(bytes, at + 32),
    status: {
      hardState: {
        term: readUint64(bytes, at + 40),
        vote: readUint64(bytes, at + 48),
        commitIndex: readUint64(bytes, at + 56),
      },
      markIndex: readUint64(bytes, at + 64),
      markChain: bytes.readUInt32BE(at + 72),
    },
  };
}

/** Throws DT_LOG_FOREIGN_FILE unless both are the same log. */
export function checkIdentity(file: string, expected: LogIdentity, found: LogIdentity): void {
  if (found.groupId !== expected.groupId || !found.storeId.equals(expected.storeId)) {
    throw new LogError({
      code: "DT_LOG_FOREIGN_FILE",
      file,
      expected: describe(expected),
      found: describe(found),
    });
  }
}

function describe(identity: LogIdentity): string {
  return `group ${identity.groupId} of store ${identity.storeId.toString("hex")}`;
}
