import { crc32 } from "@dt/codec";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readInto, removeIfThere, syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { errorNumber, LogError } from "../log-error.ts";
import { checkVersion, STORE_ID_BYTES } from "../format/log-identity.ts";

const NAME = "identity";
const FILE_BYTES = 512;
const FORMAT_VERSION = 1;
const MAGIC = Buffer.from("DTRFTIDN", "latin1");
const CLUSTER_AT = 36;
const INODE_AT = 496;
const CRC_AT = FILE_BYTES - 4;

/** Longest cluster id, in bytes of UTF-8. */
export const MAX_CLUSTER_ID_BYTES = 255;

/** Whose directory it is. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: number;
  /** Random, made with the directory: a directory that was wiped and made again is another store. */
  readonly storeId: Buffer;
}

/** An identity and the file that it is in. */
export interface StoredIdentity extends Identity {
  /** Inode of the file that it was written to; 0 for one of a program that did not note it. */
  readonly madeAs: bigint;
  /** Inode of the file that it was read from. */
  readonly foundAs: bigint;
}

/** Null when there is no identity yet. Throws DT_LOG_CORRUPT and DT_LOG_FORMAT. */
export async function readIdentity(
  fileSystem: FileSystem,
  directory: string,
): Promise<Identity | null> {
  const stored = await readStoredIdentity(fileSystem, directory);
  if (stored === null) {
    return null;
  }
  const { clusterId, nodeId, storeId } = stored;
  return { clusterId, nodeId, storeId };
}

/** As `readIdentity`, with what tells a copy from the original. */
export async function readStoredIdentity(
  fileSystem: FileSystem,
  directory: string,
): Promise<StoredIdentity | null> {
  const path = join(directory, NAME);
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
    const bytes = Buffer.alloc(FILE_BYTES);
    await readInto(file, bytes, 0, FILE_BYTES, 0);
    return { ...decode(bytes, path), foundAs: await inodeOf(file) };
  } finally {
    await file.close();
  }
}

/** Makes the identity of a new directory, whole and durable or not at all. */
export async function createIdentity(
  fileSystem: FileSystem,
  directory: string,
  clusterId: string,
  nodeId: number,
): Promise<Identity> {
  const identity: Identity = { clusterId, nodeId, storeId: randomBytes(STORE_ID_BYTES) };
  await writeIdentity(fileSystem, directory, identity);
  return identity;
}

/**
 * Writes an identity that tells which file it is in, whole and durable or not at all, in the place of another. Where
 * the file system gives a file another inode with another name, it tells nothing: it would be taken for a copy.
 */
export async function writeIdentity(
  fileSystem: FileSystem,
  directory: string,
  identity: Identity,
): Promise<void> {
  await replaceIdentity(fileSystem, directory, identity, inodeOf);
  const stored = await readStoredIdentity(fileSystem, directory);
  if (stored?.madeAs !== stored?.foundAs) {
    await replaceIdentity(fileSystem, directory, identity, () => Promise.resolve(0n));
  }
}

async function replaceIdentity(
  fileSystem: FileSystem,
  directory: string,
  identity: Identity,
  madeAs: (file: StoredFile) => Promise<bigint>,
): Promise<void> {
  const path = join(directory, NAME);
  const temporary = `${path}.tmp`;
  await removeIfThere(fileSystem, temporary);
  const file = await fileSystem.open(temporary, "create");
  try {
    await writeFrom(file, encode(identity, await madeAs(file)), 0, FILE_BYTES, 0);
    await syncFile(file);
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(directory);
}

/** Node gives one with the highest bit set, as network and union file systems make them, as a negative number. */
async function inodeOf(file: StoredFile): Promise<bigint> {
  return BigInt.asUintN(64, await file.fileNumber());
}

/** Throws DT_LOG_CLONED for an identity in another file than the one that it was written to. */
export function checkOriginal(directory: string, { madeAs, foundAs }: StoredIdentity): void {
  if (madeAs !== 0n && madeAs !== foundAs) {
    const inodes = { expected: String(madeAs), found: String(foundAs) };
    throw new LogError({ code: "DT_LOG_CLONED", directory, ...inodes });
  }
}

/** Throws DT_LOG_IDENTITY unless the directory belongs to this node of this cluster. */
export function checkOwner(
  directory: string,
  found: Identity,
  clusterId: string,
  nodeId: number,
): void {
  if (found.clusterId !== clusterId || found.nodeId !== nodeId) {
    throw new LogError({
      code: "DT_LOG_IDENTITY",
      file: join(directory, NAME),
      expected: `node ${nodeId} of cluster ${JSON.stringify(clusterId)}`,
      found: `node ${found.nodeId} of cluster ${JSON.stringify(found.clusterId)}`,
    });
  }
}

function encode(identity: Identity, inode: bigint): Buffer {
  const bytes = Buffer.alloc(FILE_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(FORMAT_VERSION, 8);
  bytes.writeUInt32BE(identity.nodeId, 12);
  identity.storeId.copy(bytes, 16);
  bytes.writeUInt32BE(Buffer.byteLength(identity.clusterId), 32);
  bytes.write(identity.clusterId, CLUSTER_AT);
  bytes.writeBigUInt64BE(inode, INODE_AT);
  bytes.writeUInt32BE(crc32(bytes, 0, CRC_AT), CRC_AT);
  return bytes;
}

function decode(bytes: Buffer, path: string): Omit<StoredIdentity, "foundAs"> {
  const isWhole =
    MAGIC.equals(bytes.subarray(0, MAGIC.length)) &&
    crc32(bytes, 0, CRC_AT) === bytes.readUInt32BE(CRC_AT);
  if (!isWhole) {
    const reason = "the identity fails its checksum";
    throw new LogError({ code: "DT_LOG_CORRUPT", file: path, offset: 0, index: 0, reason });
  }
  checkVersion(path, bytes.readUInt32BE(8), FORMAT_VERSION);
  const clusterEnd = CLUSTER_AT + bytes.readUInt32BE(32);
  return {
    clusterId: bytes.toString("utf8", CLUSTER_AT, clusterEnd),
    nodeId: bytes.readUInt32BE(12),
    storeId: Buffer.from(bytes.subarray(16, 16 + STORE_ID_BYTES)),
    madeAs: bytes.readBigUInt64BE(INODE_AT),
  };
}
