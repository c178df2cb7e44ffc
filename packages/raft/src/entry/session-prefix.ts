import { readUint64, writeUint64 } from "@dt/codec";

/**
 * What stands before the payload of a SESSION entry, big-endian:
 *
 * ```
 *  0  8  session      index of the entry that opened it; 0 opens one, and the rest is 0 and empty
 *  8  8  sequence     number of the call in its session, from 1 on
 * 16  8  answered     calls below this number have been answered, their results are not asked for again
 * ```
 */
export const SESSION_PREFIX_BYTES = 24;

export interface SessionCallId {
  readonly session: number;
  readonly sequence: number;
  readonly answered: number;
}

export const OPEN_SESSION: SessionCallId = Object.freeze({ session: 0, sequence: 0, answered: 0 });

export function writeSessionPrefix(buf: Buffer, at: number, id: SessionCallId): void {
  writeUint64(buf, at, id.session);
  writeUint64(buf, at + 8, id.sequence);
  writeUint64(buf, at + 16, id.answered);
}

/** Null for fewer bytes or numbers out of range. */
export function readSessionPrefix(buf: Buffer, start: number, end: number): SessionCallId | null {
  if (end - start < SESSION_PREFIX_BYTES) {
    return null;
  }
  const session = readUint64(buf, start);
  const sequence = readUint64(buf, start + 8);
  const answered = readUint64(buf, start + 16);
  return [session, sequence, answered].every(Number.isSafeInteger)
    ? { session, sequence, answered }
    : null;
}
