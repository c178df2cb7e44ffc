/** What a snapshot stands for. */
export interface SnapshotMeta {
  /** Names the bytes: two snapshots with the same id are the same bytes, on every member. */
  readonly id: string;
  /** The last entry whose effect the snapshot holds. */
  readonly index: number;
  readonly term: number;
  /** Chain of that entry: the log continues it. */
  readonly chain: number;
  /** The leader's wall clock of that entry, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Payload of the newest CONFIG entry at or below `index`; empty for the configuration of the start. */
  readonly membership: Buffer;
  /** Index of that CONFIG entry; 0 for none. */
  readonly membershipIndex: number;
  /** 0 until finished. */
  readonly byteLength: number;
}

/** A reader or a read of an id that the store does not hold (any more). */
export const SNAPSHOT_NOT_FOUND_CODE = "DT_SNAPSHOT_NOT_FOUND";
/** Stored bytes fail their checks; nothing of them was handed out. */
export const SNAPSHOT_DAMAGED_CODE = "DT_SNAPSHOT_DAMAGED";

export function isSnapshotNotFound(error: unknown): boolean {
  return hasCode(error, SNAPSHOT_NOT_FOUND_CODE);
}

export function isSnapshotDamaged(error: unknown): boolean {
  return hasCode(error, SNAPSHOT_DAMAGED_CODE);
}

/**
 * The snapshots of one group. One owner. A snapshot is there whole and durable, or not at all, after a
 * crash at any moment; only finished ones are ever listed.
 */
export interface SnapshotStore {
  /** Newest (highest index) first. Leftovers of unfinished ones are removed. */
  open(): Promise<readonly SnapshotMeta[]>;
  /** Starts a snapshot. One with the id of a finished one replaces it when it is finished. */
  create(meta: Omit<SnapshotMeta, "byteLength">): Promise<SnapshotWriter>;
  /** Rejects with `SNAPSHOT_NOT_FOUND_CODE`, or `SNAPSHOT_DAMAGED_CODE` when it shows at once. */
  read(id: string): Promise<SnapshotReader>;
  /** Idempotent. Readers that are open keep what they read. */
  remove(id: string): Promise<void>;
  /** Aborts what is being written. Idempotent. */
  close(): Promise<void>;
}

/** Calls one after the other: each is made when the one before has settled. */
export interface SnapshotWriter {
  /** Bytes written so far. */
  readonly position: number;
  /** The bytes may be reused when it resolves. */
  write(chunk: Buffer): Promise<void>;
  /** Durable, and visible, when it resolves. */
  finish(): Promise<SnapshotMeta>;
  /** Leaves nothing behind. Idempotent; after `finish` it does nothing. */
  abort(): Promise<void>;
}

export interface SnapshotReader {
  readonly meta: SnapshotMeta;
  /**
   * Bytes from `offset`, `length` of them or what is there up to the end, checked. Rejects with
   * `SNAPSHOT_DAMAGED_CODE`.
   */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
