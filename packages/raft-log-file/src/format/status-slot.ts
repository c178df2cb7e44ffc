import { crc32, readUint64, writeUint64 } from "@dt/codec";
import type { HardState } from "@dt/raft";
import { checkVersion, type LogIdentity, STORE_ID_BYTES } from "./log-identity.ts";

export const SLOT_BYTES = 4096;
export const STATUS_FORMAT_VERSION = 1;

const MAGIC = Buffer.from("DTRFTSTA", "latin1");
const CRC_AT = 84;

/** What a log must know before it looks at its segments. */
export interface Status {
  readonly hardState: HardState;
  /** Index of the first entry that must be there; lower ones were dropped on purpose. */
  readonly headIndex: number;
  /**
   * Everything up to this index had been acknowledged when the status was written, and its chain is
   * `markChain`: a log that ends before has lost entries. 0 claims nothing.
   */
  readonly markIndex: number;
  readonly markChain: number;
}

export const INITIAL_STATUS: Status = {
  hardState: { term: 0, vote: 0, commitIndex: 0 },
  headIndex: 1,
  markIndex: 0,
  markChain: 0,
};

export interface StatusSlot {
  readonly identity: LogIdentity;
  /** Grows with each change of the status. */
  readonly sequence: number;
  readonly status: Status;
}

/** Writes a slot into `[at, at + SLOT_BYTES)`. Layout in FORMAT.md. */
export function encodeSlot(slot: StatusSlot, into: Buffer, at: number): void {
  const { identity, sequence, status } = slot;
  into.fill(0, at, at + SLOT_BYTES);
  MAGIC.copy(into, at);
  into.writeUInt32BE(STATUS_FORMAT_VERSION, at + 8);
  into.writeUInt32BE(identity.groupId, at + 12);
  identity.storeId.copy(into, at + 16);
  writeUint64(into, at + 32, sequence);
  writeUint64(into, at + 40, status.hardState.term);
  writeUint64(into, at + 48, status.hardState.vote);
  writeUint64(into, at + 56, status.hardState.commitIndex);
  writeUint64(into, at + 64, status.headIndex);
  writeUint64(into, at + 72, status.markIndex);
  into.writeUInt32BE(status.markChain, at + 80);
  into.writeUInt32BE(crc32(into, at, at + CRC_AT), at + CRC_AT);
}

/** Null for a slot that is not whole. Throws DT_LOG_FORMAT. */
export function decodeSlot(bytes: Buffer, at: number, file: string): StatusSlot | null {
  const isWhole =
    MAGIC.equals(bytes.subarray(at, at + MAGIC.length)) &&
    crc32(bytes, at, at + CRC_AT) === bytes.readUInt32BE(at + CRC_AT);
  if (!isWhole) {
    return null;
  }
  checkVersion(file, bytes.readUInt32BE(at + 8), STATUS_FORMAT_VERSION);
  return {
    identity: {
      groupId: bytes.readUInt32BE(at + 12),
      storeId: Buffer.from(bytes.subarray(at + 16, at + 16 + STORE_ID_BYTES)),
    },
    sequence: readUint64(bytes, at + 32),
    status: {
      hardState: {
        term: readUint64(bytes, at + 40),
        vote: readUint64(bytes, at + 48),
        commitIndex: readUint64(bytes, at + 56),
      },
      headIndex: readUint64(bytes, at + 64),
      markIndex: readUint64(bytes, at + 72),
      markChain: bytes.readUInt32BE(at + 80),
    },
  };
}
