import { crc32, readUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { MessageKind, SnapshotStatus } from "../core/message.ts";
import type { SnapshotChunk, SnapshotReply } from "../core/message.ts";

/**
 * Bodies of the messages about snapshots, behind the 16 bytes that every message starts with. All
 * integers big-endian.
 *
 * ```
 * chunk:  16  8  index             24  8  term of that entry   32  4  its chain      36  8  its time
 *         44  8  membership index  52  8  bytes of the whole   60  8  offset
 *         68  2  id length         70  4  membership length    74 ..  id, membership, bytes of the snapshot
 *         ..  4  crc-32 of everything before it, these 16 bytes included
 * reply:  16  1  status            17  8  offset               25  8  index          33 ..  id
 * ```
 */
const CHUNK_HEADER_BYTES = 74;
const CRC_BYTES = 4;
const REPLY_HEADER_BYTES = 33;
/** Longest id; those made here are shorter. */
const MAX_ID_BYTES = 200;

export const MIN_CHUNK_BYTES: number = CHUNK_HEADER_BYTES + CRC_BYTES;
export const MIN_REPLY_BYTES: number = REPLY_HEADER_BYTES;
export const CHUNK_UINT64_AT: readonly number[] = [8, 16, 24, 36, 44, 52, 60];
export const REPLY_UINT64_AT: readonly number[] = [8, 17, 25];

const STATUSES: ReadonlySet<number> = new Set(Object.values(SnapshotStatus));

export function snapshotBytes(message: SnapshotChunk | SnapshotReply): number {
  const idBytes = Buffer.byteLength(message.id);
  return message.kind === MessageKind.snapshotReply
    ? REPLY_HEADER_BYTES + idBytes
    : MIN_CHUNK_BYTES + idBytes + message.membership.length + message.bytes.length;
}

/** Behind the common header, which stands right before the writer's position. */
export function encodeChunk(writer: ByteWriter, chunk: SnapshotChunk): void {
  const start = writer.pos - 16;
  const id = Buffer.from(chunk.id);
  writer.u64(chunk.index);
  writer.u64(chunk.indexTerm);
  writer.u32(chunk.chain);
  writer.u64(chunk.timestampMs);
  writer.u64(chunk.membershipIndex);
  writer.u64(chunk.byteLength);
  writer.u64(chunk.offset);
  writer.u16(id.length);
  writer.u32(chunk.membership.length);
  writer.range(id, 0, id.length);
  writer.range(chunk.membership, 0, chunk.membership.length);
  writer.range(chunk.bytes, 0, chunk.bytes.length);
  writer.u32(crc32(writer.buf, start, writer.pos));
}

export function encodeSnapshotReply(writer: ByteWriter, reply: SnapshotReply): void {
  const id = Buffer.from(reply.id);
  writer.u8(reply.status);
  writer.u64(reply.offset);
  writer.u64(reply.index);
  writer.range(id, 0, id.length);
}

/** Copies what is kept. Null for bytes that are damaged or contradict themselves. */
export function decodeChunk(buf: Buffer, start: number, end: number): SnapshotChunk | null {
  const idBytes = buf.readUInt16BE(start + 68);
  const membershipBytes = buf.readUInt32BE(start + 70);
  const crcAt = end - CRC_BYTES;
  const idAt = start + CHUNK_HEADER_BYTES;
  const membershipAt = idAt + idBytes;
  const bytesAt = membershipAt + membershipBytes;
  if (
    bytesAt > crcAt ||
    idBytes > MAX_ID_BYTES ||
    crc32(buf, start, crcAt) !== buf.readUInt32BE(crcAt)
  ) {
    return null;
  }
  const byteLength = readUint64(buf, start + 52);
  const offset = readUint64(buf, start + 60);
  return offset + crcAt - bytesAt > byteLength
    ? null
    : {
        kind: MessageKind.snapshotChunk,
        from: buf.readUInt32BE(start),
        to: buf.readUInt32BE(start + 4),
        term: readUint64(buf, start + 8),
        id: buf.toString("utf8", idAt, membershipAt),
        index: readUint64(buf, start + 16),
        indexTerm: readUint64(buf, start + 24),
        chain: buf.readUInt32BE(start + 32),
        timestampMs: readUint64(buf, start + 36),
        membership: Buffer.from(buf.subarray(membershipAt, bytesAt)),
        membershipIndex: readUint64(buf, start + 44),
        byteLength,
        offset,
        bytes: Buffer.from(buf.subarray(bytesAt, crcAt)),
      };
}

export function decodeSnapshotReply(buf: Buffer, start: number, end: number): SnapshotReply | null {
  const status = buf.readUInt8(start + 16);
  if (!isStatus(status) || end - start - REPLY_HEADER_BYTES > MAX_ID_BYTES) {
    return null;
  }
  return {
    kind: MessageKind.snapshotReply,
    from: buf.readUInt32BE(start),
    to: buf.readUInt32BE(start + 4),
    term: readUint64(buf, start + 8),
    status,
    id: buf.toString("utf8", start + REPLY_HEADER_BYTES, end),
    offset: readUint64(buf, start + 17),
    index: readUint64(buf, start + 25),
  };
}

function isStatus(status: number): status is SnapshotStatus {
  return STATUSES.has(status);
}
