import { readUint64, writeUint64 } from "@dt/codec";

/**
 * The payload of a SESSION entry, big-endian. One that opens a session ends with `owner`; one that is a call has
 * the call's own payload behind `answered`.
 *
 * ```
 *  0  1  version      2; entries of version 1, which began with 0, had no secrets
 *  1  1  kind         1 opens a session, 2 is a call in one
 *
 *  2  8  secret       of the new session          2  8  session    index of the entry that opened it
 * 10  8  owner        who opened it              10  8  secret     what the session was opened with
 *                                                18  8  sequence   number of the call, from 1 on
 *                                                26  8  answered   calls below this number have been answered, their
 *                                                                  results are not asked for again
 * ```
 */
const VERSION = 2;
export const SESSION_OPENING_BYTES = 18;
export const SESSION_PREFIX_BYTES = 34;

/** `unknown`: of another version, or no bytes of this one. */
export const SessionEntryKind = { unknown: 0, opening: 1, call: 2 } as const;
export type SessionEntryKind = (typeof SessionEntryKind)[keyof typeof SessionEntryKind];

/** A session as who opened it knows it. The secret is what makes it theirs: ids are easily guessed. */
export interface SessionKey {
  readonly session: number;
  /** 64 bits. */
  readonly secret: bigint;
}

/** One call of a session. */
export interface SessionCallId extends SessionKey {
  readonly sequence: number;
  readonly answered: number;
}

/** What opens a session. */
export interface SessionOpening {
  /** 64 bits, drawn by the leader that proposes the entry. */
  readonly secret: bigint;
  /** 64 bits that stand for who opens it: what one owner has too much of is its own to lose. */
  readonly owner: bigint;
}

export function sessionEntryKind(buf: Buffer, start: number, end: number): SessionEntryKind {
  const length = end - start;
  if (length < SESSION_OPENING_BYTES || buf[start] !== VERSION) {
    return SessionEntryKind.unknown;
  }
  switch (buf[start + 1]) {
    case SessionEntryKind.opening:
      return length === SESSION_OPENING_BYTES ? SessionEntryKind.opening : SessionEntryKind.unknown;
    case SessionEntryKind.call:
      return length < SESSION_PREFIX_BYTES ? SessionEntryKind.unknown : SessionEntryKind.call;
    default:
      return SessionEntryKind.unknown;
  }
}

export function encodeSessionOpening({ secret, owner }: SessionOpening): Buffer {
  const buf = Buffer.allocUnsafe(SESSION_OPENING_BYTES);
  buf[0] = VERSION;
  buf[1] = SessionEntryKind.opening;
  buf.writeBigUInt64BE(secret, 2);
  buf.writeBigUInt64BE(owner, 10);
  return buf;
}

export function readSessionOpening(buf: Buffer, start: number): SessionOpening {
  return { secret: buf.readBigUInt64BE(start + 2), owner: buf.readBigUInt64BE(start + 10) };
}

export function writeSessionPrefix(buf: Buffer, at: number, id: SessionCallId): void {
  buf[at] = VERSION;
  buf[at + 1] = SessionEntryKind.call;
  writeUint64(buf, at + 2, id.session);
  buf.writeBigUInt64BE(id.secret, at + 10);
  writeUint64(buf, at + 18, id.sequence);
  writeUint64(buf, at + 26, id.answered);
}

/** Null for bytes that are no call, or numbers out of range. */
export function readSessionPrefix(buf: Buffer, start: number, end: number): SessionCallId | null {
  if (sessionEntryKind(buf, start, end) !== SessionEntryKind.call) {
    return null;
  }
  const session = readUint64(buf, start + 2);
  const secret = buf.readBigUInt64BE(start + 10);
  const sequence = readUint64(buf, start + 18);
  const answered = readUint64(buf, start + 26);
  return [session, sequence, answered].every(Number.isSafeInteger)
    ? { session, secret, sequence, answered }
    : null;
}
