// Hot path: per append message (a batch of entries), not per entry. Bench: apps/bench raft.
import { readUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { MessageKind } from "../core/message.ts";
import type { Append, Message } from "../core/message.ts";
import { NOT_CONFIRMED } from "../core/remote-reads.ts";
import { scanRecords } from "../entry/entry-batch.ts";
import type { RecordFault } from "../entry/entry-batch.ts";

import {
  CHUNK_UINT64_AT,
  decodeChunk,
  decodeSnapshotReply,
  encodeChunk,
  encodeSnapshotReply,
  MIN_CHUNK_BYTES,
  MIN_REPLY_BYTES,
  REPLY_UINT64_AT,
  snapshotBytes,
} from "./snapshot-codec.ts";

/**
 * Bodies of the messages between members. Each starts with the same 16 bytes, then what its kind needs. All
 * integers big-endian; clock readings are IEEE doubles, because they only come back to who sent them.
 *
 * ```
 *  0  4  from    4  4  to    8  8  term
 * vote, pre-vote:        16  8  last index    24  8  last term    32  1  named successor
 * their replies:         16  1  granted       17  8  removed at index
 * append:                16  8  prev index    24  8  prev term    32  4  prev chain    36  8  commit index
 *                        44  8  sent at       52  8  read token   60 ..  records
 * append reply:          16  1  accepted      17  8  index        25  8  hint index    33  8  hint term
 *                        41  8  sent at       49  8  read token
 * heartbeat:             16  8  commit index  24  8  sent at      32  8  read token   40  8  leader's commit index
 * heartbeat reply:       16  8  sent at       24  8  read token
 * snapshot chunk and its reply: see snapshot-codec.ts
 * timeout now:           nothing more
 * read index:            16  4  run           20  8  token
 * its reply:             16  1  confirmed     17  4  run          21  8  token        29  8  index
 * ```
 */
const HEADER_BYTES = 16;
const APPEND_HEADER_BYTES = 60;

/** Fixed bytes of each body; an append has records behind them, snapshots an id and more. */
const BODY_BYTES: Record<MessageKind, number> = {
  [MessageKind.preVote]: 33,
  [MessageKind.preVoteReply]: 25,
  [MessageKind.vote]: 33,
  [MessageKind.voteReply]: 25,
  [MessageKind.append]: APPEND_HEADER_BYTES,
  [MessageKind.appendReply]: 57,
  [MessageKind.heartbeat]: 48,
  [MessageKind.heartbeatReply]: 32,
  [MessageKind.snapshotChunk]: MIN_CHUNK_BYTES,
  [MessageKind.snapshotReply]: MIN_REPLY_BYTES,
  [MessageKind.timeoutNow]: HEADER_BYTES,
  [MessageKind.readIndex]: 28,
  [MessageKind.readIndexReply]: 37,
};

/** Why a body was refused; nothing of it reaches the core. */
export type MessageFault =
  | { readonly reason: "length"; readonly bytes: number }
  | { readonly reason: "kind"; readonly kind: number }
  | { readonly reason: "range" }
  /** A snapshot chunk whose checksum or lengths are wrong, or a reply of an unknown status. */
  | { readonly reason: "snapshot" }
  | { readonly reason: "records"; readonly record: RecordFault };

export type DecodedMessage =
  | { readonly message: Message; readonly fault: null }
  | { readonly message: null; readonly fault: MessageFault };

/** Writes the body of a message; its kind travels as the frame's command. */
export function encodeMessageBody(writer: ByteWriter, message: Message): void {
  writer.ensure(BODY_BYTES[message.kind]);
  writer.u32(message.from);
  writer.u32(message.to);
  writer.u64(message.term);
  switch (message.kind) {
    case MessageKind.preVote:
    case MessageKind.vote:
      writer.u64(message.lastIndex);
      writer.u64(message.lastTerm);
      writer.u8(message.isSuccessor ? 1 : 0);
      return;
    case MessageKind.preVoteReply:
    case MessageKind.voteReply:
      writer.u8(message.granted ? 1 : 0);
      writer.u64(message.removedAtIndex);
      return;
    case MessageKind.append:
      encodeAppend(writer, message);
      return;
    case MessageKind.appendReply:
      writer.u8(message.accepted ? 1 : 0);
      writer.u64(message.index);
      writer.u64(message.hintIndex);
      writer.u64(message.hintTerm);
      writeDouble(writer, message.sentAtMs);
      writer.u64(message.readToken);
      return;
    case MessageKind.heartbeat:
      writer.u64(message.commitIndex);
      writeDouble(writer, message.sentAtMs);
      writer.u64(message.readToken);
      writer.u64(message.leaderCommitIndex);
      return;
    case MessageKind.heartbeatReply:
      writeDouble(writer, message.sentAtMs);
      writer.u64(message.readToken);
      return;
    case MessageKind.snapshotChunk:
      encodeChunk(writer, message);
      return;
    case MessageKind.snapshotReply:
      encodeSnapshotReply(writer, message);
      return;
    case MessageKind.timeoutNow:
      return;
    case MessageKind.readIndex:
      writer.u32(message.run);
      writer.u64(message.token);
      return;
    case MessageKind.readIndexReply:
      writer.u8(message.index === NOT_CONFIRMED ? 0 : 1);
      writer.u32(message.run);
      writer.u64(message.token);
      writer.u64(Math.max(message.index, 0));
      return;
  }
}

function encodeAppend(writer: ByteWriter, message: Append): void {
  writer.u64(message.prevIndex);
  writer.u64(message.prevTerm);
  writer.u32(message.batches[0]?.prevChain ?? 0);
  writer.u64(message.commitIndex);
  writeDouble(writer, message.sentAtMs);
  writer.u64(message.readToken);
  for (const batch of message.batches) {
    writer.range(batch.bytes, 0, batch.bytes.length);
  }
}

/** Body bytes of a message, for limits and accounting. */
export function messageBytes(message: Message): number {
  if (message.kind === MessageKind.snapshotChunk || message.kind === MessageKind.snapshotReply) {
    return snapshotBytes(message);
  }
  let bytes = BODY_BYTES[message.kind];
  if (message.kind === MessageKind.append) {
    for (const batch of message.batches) {
      bytes += batch.bytes.length;
    }
  }
  return bytes;
}

/**
 * Reads a body. The records of an append are copied out of `buf`, once, because they are kept: for the disk, for
 * the state machine and for other followers. Never throws.
 */
export function decodeMessageBody(
  kind: number,
  buf: Buffer,
  start: number,
  end: number,
): DecodedMessage {
  if (!isMessageKind(kind)) {
    return { message: null, fault: { reason: "kind", kind } };
  }
  const bytes = end - start;
  const want = BODY_BYTES[kind];
  if (hasTail(kind) ? bytes < want : bytes !== want) {
    return { message: null, fault: { reason: "length", bytes } };
  }
  if (!uint64sAreSafe(kind, buf, start)) {
    return { message: null, fault: { reason: "range" } };
  }
  if (kind === MessageKind.append) {
    return decodeAppend(buf, start, end);
  }
  if (kind === MessageKind.snapshotChunk || kind === MessageKind.snapshotReply) {
    const message =
      kind === MessageKind.snapshotChunk
        ? decodeChunk(buf, start, end)
        : decodeSnapshotReply(buf, start, end);
    return message === null
      ? { message: null, fault: { reason: "snapshot" } }
      : { message, fault: null };
  }
  return { message: decodeFixed(kind, buf, start), fault: null };
}

function hasTail(kind: MessageKind): boolean {
  return (
    kind === MessageKind.append ||
    kind === MessageKind.snapshotChunk ||
    kind === MessageKind.snapshotReply
  );
}

function isMessageKind(kind: number): kind is MessageKind {
  return Object.hasOwn(BODY_BYTES, kind);
}

/** Offsets of the 64-bit integers of each body. */
const UINT64_AT: Record<MessageKind, readonly number[]> = {
  [MessageKind.preVote]: [8, 16, 24],
  [MessageKind.preVoteReply]: [8, 17],
  [MessageKind.vote]: [8, 16, 24],
  [MessageKind.voteReply]: [8, 17],
  [MessageKind.append]: [8, 16, 24, 36, 52],
  [MessageKind.appendReply]: [8, 17, 25, 33, 49],
  [MessageKind.heartbeat]: [8, 16, 32, 40],
  [MessageKind.heartbeatReply]: [8, 24],
  [MessageKind.snapshotChunk]: CHUNK_UINT64_AT,
  [MessageKind.snapshotReply]: REPLY_UINT64_AT,
  [MessageKind.timeoutNow]: [8],
  [MessageKind.readIndex]: [8, 20],
  [MessageKind.readIndexReply]: [8, 21, 29],
};
const MAX_SAFE_HIGH = 0x1f_ffff;

function uint64sAreSafe(kind: MessageKind, buf: Buffer, start: number): boolean {
  for (const at of UINT64_AT[kind]) {
    if (buf.readUInt32BE(start + at) > MAX_SAFE_HIGH) {
      return false;
    }
  }
  return true;
}

function decodeAppend(buf: Buffer, start: number, end: number): DecodedMessage {
  const prevIndex = readUint64(buf, start + 16);
  const prevTerm = readUint64(buf, start + 24);
  const records = Buffer.allocUnsafeSlow(end - start - APPEND_HEADER_BYTES);
  buf.copy(records, 0, start + APPEND_HEADER_BYTES, end);
  const prevChain = buf.readUInt32BE(start + 32);
  const run = scanRecords(records, 0, records.length, prevIndex, prevTerm, prevChain);
  if (run.fault !== null) {
    return { message: null, fault: { reason: "records", record: run.fault } };
  }
  const message: Append = {
    kind: MessageKind.append,
    from: buf.readUInt32BE(start),
    to: buf.readUInt32BE(start + 4),
    term: readUint64(buf, start + 8),
    prevIndex,
    prevTerm,
    batches: run.batches,
    commitIndex: readUint64(buf, start + 36),
    sentAtMs: buf.readDoubleBE(start + 44),
    readToken: readUint64(buf, start + 52),
  };
  return { message, fault: null };
}

type FixedKind = Exclude<
  MessageKind,
  typeof MessageKind.append | typeof MessageKind.snapshotChunk | typeof MessageKind.snapshotReply
>;

function decodeFixed(
  kind: FixedKind,
  buf: Buffer,
  start: number,
): Extract<Message, { kind: FixedKind }> {
  const from = buf.readUInt32BE(start);
  const to = buf.readUInt32BE(start + 4);
  const term = readUint64(buf, start + 8);
  const at = start + HEADER_BYTES;
  switch (kind) {
    case MessageKind.preVote:
    case MessageKind.vote:
      return {
        kind,
        from,
        to,
        term,
        lastIndex: readUint64(buf, at),
        lastTerm: readUint64(buf, at + 8),
        isSuccessor: buf.readUInt8(at + 16) === 1,
      };
    case MessageKind.preVoteReply:
    case MessageKind.voteReply:
      return {
        kind,
        from,
        to,
        term,
        granted: buf.readUInt8(at) === 1,
        removedAtIndex: readUint64(buf, at + 1),
      };
    case MessageKind.appendReply:
      return {
        kind,
        from,
        to,
        term,
        accepted: buf.readUInt8(at) === 1,
        index: readUint64(buf, at + 1),
        hintIndex: readUint64(buf, at + 9),
        hintTerm: readUint64(buf, at + 17),
        sentAtMs: buf.readDoubleBE(at + 25),
        readToken: readUint64(buf, at + 33),
      };
    case MessageKind.heartbeat:
      return {
        kind,
        from,
        to,
        term,
        commitIndex: readUint64(buf, at),
        sentAtMs: buf.readDoubleBE(at + 8),
        readToken: readUint64(buf, at + 16),
        leaderCommitIndex: readUint64(buf, at + 24),
      };
    case MessageKind.timeoutNow:
      return { kind, from, to, term };
    case MessageKind.readIndex:
      return { kind, from, to, term, run: buf.readUInt32BE(at), token: readUint64(buf, at + 4) };
    case MessageKind.readIndexReply:
      return {
        kind,
        from,
        to,
        term,
        run: buf.readUInt32BE(at + 1),
        token: readUint64(buf, at + 5),
        index: buf.readUInt8(at) === 1 ? readUint64(buf, at + 13) : NOT_CONFIRMED,
      };
    case MessageKind.heartbeatReply:
      return {
        kind,
        from,
        to,
        term,
        sentAtMs: buf.readDoubleBE(at),
        readToken: readUint64(buf, at + 8),
      };
  }
}

function writeDouble(writer: ByteWriter, value: number): void {
  writer.ensure(8);
  writer.buf.writeDoubleBE(value, writer.pos);
  writer.pos += 8;
}
