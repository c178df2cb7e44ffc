import type { RaftError } from "../errors.ts";
import type { EntryCursor } from "./entry-cursor.ts";
import type { SessionKey } from "../entry/session-prefix.ts";

/**
 * What a group replicates. Every replica gets the same entries in the same order and must end in the same
 * state: no clock, no random source, nothing of the process in here.
 *
 * @typeParam R what a write is answered with on the leader
 */
export interface StateMachine<R = unknown> {
  /**
   * Applies committed entries in index order. Pushes exactly one result per entry to `results`; a refusal
   * (a failed compare, a missing key) is a result too. Bytes of the cursor are valid during the call: copy
   * what is kept. An exception stops the group, because replicas would part otherwise.
   */
  applyBatch(entries: EntryCursor, results: R[]): void;

  /**
   * The state as it is now, to be read while entries go on being applied: whatever is applied later
   * does not show in it. Returns at once. One at a time. Without it the group takes no snapshots and
   * its log is never cut.
   */
  takeSnapshot?(): SnapshotSource;

  /**
   * Replaces the state by what `takeSnapshot` gave, on this member or another one; the chunks are
   * cut differently. Rejects, with the state as it was, when the bytes make no sense or `chunks` throws.
   */
  restoreSnapshot?(chunks: AsyncIterable<Buffer>): Promise<void>;

  /** Both of `KeptResults`, or none. */
  encodeResult?(result: R): Buffer;
  decodeResult?(bytes: Buffer): R;
}

/**
 * A state machine whose results can be kept: then its group has sessions, in which a write that is repeated is
 * applied once and answered with its first result.
 */
export interface KeptResults<R> {
  /** The bytes of a result, kept from then on; small ones, all sessions together keep 16 MiB. */
  encodeResult(result: R): Buffer;
  /** Gets what `encodeResult` of this or an earlier version gave. */
  decodeResult(bytes: Buffer): R;
}

/** A state that is being read, piece by piece. */
export interface SnapshotSource {
  /**
   * The next bytes, about `maxBytes` of them; null at the end. Takes well under a millisecond for
   * 64 KiB, because everything else waits for it. The bytes are valid until the next call.
   */
  next(maxBytes: number): Buffer | null;
  /** Called once, at the end or when the rest is not wanted. */
  close(): void;
}

/** Who waits for a write. Exactly one of the two is called, once. */
export interface Proposal<R> {
  /** The entry at `index` is committed and applied. */
  succeed(result: R, index: number): void;
  /** `error.mayHaveExecuted` tells whether the entry can still be applied. */
  fail(error: RaftError): void;
}

/** Who waits for a session to be open. Exactly one of the two is called, once. */
export interface SessionWaiter {
  succeed(key: SessionKey): void;
  /** `error.mayHaveExecuted`: a session may be open that nobody uses, and that is forgotten in time. */
  fail(error: RaftError): void;
}

/** What a stale read stands on. */
export interface Freshness {
  /** The state machine holds everything up to here. */
  readonly appliedIndex: number;
  /**
   * Milliseconds since this node held everything that was committed, as far as it was told; Infinity when it never
   * heard a leader.
   */
  readonly ageMs: number;
}

/** Who waits for a linearizable read. Exactly one of the two is called, once. */
export interface ReadWaiter {
  /** The state machine now reflects every write acknowledged before the read began. Read it in this call. */
  ready(): void;
  fail(error: RaftError): void;
}
