import { crc32 } from "@dt/codec";
import { join } from "node:path";
import { createWhole, readInto } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { checkVersion, STORE_ID_BYTES } from "../format/log-identity.ts";
import { errorNumber, LogError } from "../log-error.ts";

const NAME = "peers";
const FORMAT_VERSION = 1;
const MAGIC = Buffer.from("DTRFTPEE", "latin1");
const HEAD_BYTES = 16;
const ITEM_BYTES = 4 + STORE_ID_BYTES;
const CRC_BYTES = 4;

/**
 * The stores that other members came with, so that a member whose directory was wiped or swapped is
 * noticed. A `StoreBook` of `@dt/raft`. Layout in FORMAT.md.
 */
export class PeerBook {
  /** Of the directory that the book is in: 32 hexadecimal digits. */
  readonly ownStore: string;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #stores: Map<number, string>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    fileSystem: FileSystem,
    directory: string,
    storeId: Buffer,
    stores: Map<number, string>,
  ) {
    this.ownStore = storeId.toString("hex");
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#stores = stores;
  }

  /** Throws DT_LOG_CORRUPT, DT_LOG_FORMAT and DT_LOG_IO. */
  static async open(fileSystem: FileSystem, directory: string, storeId: Buffer): Promise<PeerBook> {
    const stores = await read(fileSystem, join(directory, NAME));
    return new PeerBook(fileSystem, directory, storeId, stores);
  }

  knownStore(nodeId: number): string | null {
    return this.#stores.get(nodeId) ?? null;
  }

  remember(nodeId: number, store: string): void {
    this.#stores.set(nodeId, store);
    // What cannot be written now goes with the next one, or is seen again after a restart.
    this.#writing = this.#writing.then(() => this.#write()).catch(() => {});
  }

  /** Resolves when nothing is under way. */
  close(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    const file = await createWhole(
      this.#fileSystem,
      join(this.#directory, NAME),
      encode(this.#stores),
    );
    await file.close();
    await this.#fileSystem.syncDirectory(this.#directory);
  }
}

async function read(fileSystem: FileSystem, path: string): Promise<Map<number, string>> {
  let file: StoredFile;
  try {
    file = await fileSystem.open(path, "read");
  } catch (error) {
    if (errorNumber(error) === "ENOENT") {
      return new Map();
    }
    throw new LogError({ code: "DT_LOG_IO", file: path, operation: "open" }, { cause: error });
  }
  try {
    const bytes = Buffer.alloc(await file.size());
    const length = await readInto(file, bytes, 0, bytes.length, 0);
    return decode(bytes.subarray(0, length), path);
  } finally {
    await file.close();
  }
}

function encode(stores: ReadonlyMap<number, string>): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + ITEM_BYTES * stores.size + CRC_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(FORMAT_VERSION, 8);
  bytes.writeUInt32BE(stores.size, 12);
  let at = HEAD_BYTES;
  for (const [nodeId, store] of stores) {
    bytes.writeUInt32BE(nodeId, at);
    bytes.write(store, at + 4, "hex");
    at += ITEM_BYTES;
  }
  bytes.writeUInt32BE(crc32(bytes, 0, at), at);
  return bytes;
}

function decode(bytes: Buffer, path: string): Map<number, string> {
  const end = bytes.length - CRC_BYTES;
  const isWhole =
    end >= HEAD_BYTES &&
    MAGIC.equals(bytes.subarray(0, MAGIC.length)) &&
    crc32(bytes, 0, end) === bytes.readUInt32BE(end);
  if (!isWhole) {
    const reason = "the list of the members' stores fails its checksum";
    throw new LogError({ code: "DT_LOG_CORRUPT", file: path, offset: 0, index: 0, reason });
  }
  checkVersion(path, bytes.readUInt32BE(8), FORMAT_VERSION);
  const stores = new Map<number, string>();
  for (let at = HEAD_BYTES; at + ITEM_BYTES <= end; at += ITEM_BYTES) {
    stores.set(bytes.readUInt32BE(at), bytes.toString("hex", at + 4, at + ITEM_BYTES));
  }
  return stores;
}
