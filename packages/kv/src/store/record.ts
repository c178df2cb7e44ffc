// Hot path: per operation. Bench: bench/store.bench.ts. No closures.
import { readUint64, writeUint64 } from "@dt/codec";

/**
 * What the tree keeps of a node besides its key, as it is sent to clients: big-endian
 *
 * ```
 *  0  8  createRevision   of the write that created the node
 *  8  8  modRevision      of the last write to it
 * 16  8  version          writes to it since it was created, that one included
 * 24  8  createdMs        times of these two writes as the leader stamped them, milliseconds since the epoch
 * 32  8  updatedMs
 * 40  .. value            of a value node
 * ```
 */
export const RECORD_HEAD_BYTES = 40;

export const MAX_VALUE_BYTES: number = 1 << 20;

const MOD_REVISION_AT = 8;
const VERSION_AT = 16;
const CREATED_MS_AT = 24;
const UPDATED_MS_AT = 32;

export function readCreateRevision(buf: Buffer, at: number): number {
  return readUint64(buf, at);
}

export function readModRevision(buf: Buffer, at: number): number {
  return readUint64(buf, at + MOD_REVISION_AT);
}

export function readVersion(buf: Buffer, at: number): number {
  return readUint64(buf, at + VERSION_AT);
}

export function readCreatedMs(buf: Buffer, at: number): number {
  return readUint64(buf, at + CREATED_MS_AT);
}

export function readUpdatedMs(buf: Buffer, at: number): number {
  return readUint64(buf, at + UPDATED_MS_AT);
}

/** Writes the head of a node that is created now. */
export function writeNewHead(buf: Buffer, at: number, revision: number, timestampMs: number): void {
  writeUint64(buf, at, revision);
  writeUint64(buf, at + MOD_REVISION_AT, revision);
  writeUint64(buf, at + VERSION_AT, 1);
  writeUint64(buf, at + CREATED_MS_AT, timestampMs);
  writeUint64(buf, at + UPDATED_MS_AT, timestampMs);
}

/** Notes one more write in a head that is there. */
export function updateHead(buf: Buffer, at: number, revision: number, timestampMs: number): void {
  writeUint64(buf, at + MOD_REVISION_AT, revision);
  writeUint64(buf, at + VERSION_AT, readVersion(buf, at) + 1);
  writeUint64(buf, at + UPDATED_MS_AT, timestampMs);
}
