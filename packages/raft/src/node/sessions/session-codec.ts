import { ByteReader, ByteWriter } from "@dt/codec";
import type { Session } from "./session.ts";

/**
 * The sessions in a snapshot, big-endian, in the order of their last use:
 *
 * ```
 * u8 version, 2 · u64 time of the log · u32 sessions, each:
 *   u64 id · u64 secret · u64 owner · u64 last used · u64 answered · u32 results, each: u64 sequence · u32 length · bytes
 * ```
 *
 * Version 1 had neither secrets nor owners.
 */
const VERSION = 2;
const VERSION_WITHOUT_SECRETS = 1;
const SESSION_BYTES = 44;

export function encodeSessions(
  logMs: number,
  sessions: ReadonlyMap<number, Session>,
  resultBytes: number,
): Buffer {
  const writer = new ByteWriter(64 + sessions.size * SESSION_BYTES + resultBytes);
  writer.u8(VERSION);
  writer.u64(logMs);
  writer.u32(sessions.size);
  for (const { id, secret, share, usedMs, answered, results } of sessions.values()) {
    writer.u64(id);
    writeWord(writer, secret);
    writeWord(writer, share.owner);
    writer.u64(usedMs);
    writer.u64(answered);
    writer.u32(results.size);
    for (const [sequence, result] of results) {
      writer.u64(sequence);
      writer.u32(result.length);
      writer.range(result, 0, result.length);
    }
  }
  return writer.buf.subarray(0, writer.pos);
}

export type DecodedSession = Omit<Session, "share"> & { readonly owner: bigint };

/**
 * The sessions of version 1 cannot be told from strangers': none are left, and their clients hear that. Throws for
 * bytes that make no sense.
 */
export function decodeSessions(bytes: Buffer): {
  readonly logMs: number;
  readonly sessions: readonly DecodedSession[];
} {
  const reader = new ByteReader().attach(bytes, 0, bytes.length);
  const version = reader.u8();
  const logMs = reader.u64();
  if (version === VERSION_WITHOUT_SECRETS) {
    return { logMs, sessions: [] };
  }
  if (version !== VERSION) {
    throw new RangeError(`sessions of version ${version}`);
  }
  const sessions: DecodedSession[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    sessions.push(readSession(reader));
  }
  reader.expectEnd();
  return { logMs, sessions };
}

function readSession(reader: ByteReader): DecodedSession {
  const session: DecodedSession = {
    id: reader.u64(),
    secret: readWord(reader),
    owner: readWord(reader),
    usedMs: reader.u64(),
    answered: reader.u64(),
    results: new Map(),
  };
  for (let left = reader.u32(); left > 0; left--) {
    const sequence = reader.u64();
    const length = reader.u32();
    const start = reader.pos;
    reader.skip(length);
    session.results.set(sequence, Buffer.from(reader.buf.subarray(start, reader.pos)));
  }
  return session;
}

function writeWord(writer: ByteWriter, word: bigint): void {
  writer.ensure(8);
  writer.buf.writeBigUInt64BE(word, writer.pos);
  writer.pos += 8;
}

function readWord(reader: ByteReader): bigint {
  const at = reader.pos;
  reader.skip(8);
  return reader.buf.readBigUInt64BE(at);
}
