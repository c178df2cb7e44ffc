import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { SnapshotMeta } from "@dt/raft";
import { checkVersion, type LogIdentity, STORE_ID_BYTES } from "./log-identity.ts";
import { SALT_BYTES } from "./segment-header.ts";

const MAGIC = Buffer.from("DTRFTSNP", "latin1");
export const SNAPSHOT_FORMAT_VERSION = 1;
const FIXED_BYTES = 112;

/** What the file `meta` of a snapshot says. Layout in FORMAT.md. */
export interface StoredMeta extends LogIdentity {
  readonly meta: SnapshotMeta;
  /** Random; makes blocks of another snapshot invalid in this one. */
  readonly salt: Buffer;
}

export function encodeSnapshotMeta({ groupId, storeId, meta, salt }: StoredMeta): Buffer {
  const id = Buffer.from(meta.id);
  const bytes = Buffer.alloc(FIXED_BYTES + id.length + meta.membership.length + 4);
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(SNAPSHOT_FORMAT_VERSION, 8);
  bytes.writeUInt32BE(groupId, 12);
  storeId.copy(bytes, 16);
  salt.copy(bytes, 32);
  writeUint64(bytes, 48, meta.index);
  writeUint64(bytes, 56, meta.term);
  writeUint64(bytes, 64, meta.timestampMs);
  writeUint64(bytes, 72, meta.membershipIndex);
  writeUint64(bytes, 80, meta.byteLength);
  bytes.writeUInt32BE(meta.chain, 88);
  bytes.writeUInt32BE(id.length, 92);
  bytes.writeUInt32BE(meta.membership.length, 96);
  id.copy(bytes, FIXED_BYTES);
  meta.membership.copy(bytes, FIXED_BYTES + id.length);
  const crcAt = bytes.length - 4;
  bytes.writeUInt32BE(crc32(bytes, 0, crcAt), crcAt);
  return bytes;
}

/** Null when the bytes are damaged. Throws DT_LOG_FORMAT for a newer version. */
export function decodeSnapshotMeta(bytes: Buffer, file: string): StoredMeta | null {
  if (bytes.length < FIXED_BYTES + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return null;
  }
  const crcAt = bytes.length - 4;
  if (crc32(bytes, 0, crcAt) !== bytes.readUInt32BE(crcAt)) {
    return null;
  }
  checkVersion(file, bytes.readUInt32BE(8), SNAPSHOT_FORMAT_VERSION);
  const idEnd = FIXED_BYTES + bytes.readUInt32BE(92);
  if (idEnd + bytes.readUInt32BE(96) !== crcAt) {
    return null;
  }
  return {
    groupId: bytes.readUInt32BE(12),
    storeId: Buffer.from(bytes.subarray(16, 16 + STORE_ID_BYTES)),
    salt: Buffer.from(bytes.subarray(32, 32 + SALT_BYTES)),
    meta: {
      id: bytes.toString("utf8", FIXED_BYTES, idEnd),
      index: readUint64(bytes, 48),
      term: readUint64(bytes, 56),
      chain: bytes.readUInt32BE(88),
      timestampMs: readUint64(bytes, 64),
      membership: Buffer.from(bytes.subarray(idEnd, crcAt)),
      membershipIndex: readUint64(bytes, 72),
      byteLength: readUint64(bytes, 80),
    },
  };
}
