import type { ByteReader, ByteWriter } from "@dt/codec";
import { Refusal } from "../refusal.ts";
import { checkKey, isBelow, keyStart, readKey } from "../store/byte-key.ts";
import type { ByteKey } from "../store/byte-key.ts";
import type { Page } from "../store/page.ts";
import { KEY_LENGTH_BYTES, keyFieldEnd, writeKeyField } from "./key-field.ts";
import { nodeKind, NodeKind, readRecordField, writeRecordField } from "./node-record.ts";
import type { KvNode } from "./node-record.ts";
import { decodeReply } from "./reply.ts";

const FLAG_RECURSIVE = 2;
const FLAG_KEYS_ONLY = 4;
const FLAG_COUNT_ONLY = 8;
const FLAG_MORE = 1;
const HEADER_BYTES = 5;

export interface ListRequest {
  readonly directory: string;
  /** "" for the first page. */
  readonly startAfter: string;
  /** 0 for as many as the server gives at once. */
  readonly limit: number;
  readonly isRecursive: boolean;
  readonly isKeysOnly: boolean;
  readonly isCountOnly: boolean;
  /** Of FLAG_STALE, FLAG_REPLICA. */
  readonly flags: number;
}

/** `u8 flags (1 stale, 16 any replica, 2 recursive, 4 keys only, 8 count only) · u32 limit · u16 keyLength · directory · startAfter` */
export function encodeList(writer: ByteWriter, request: ListRequest): void {
  writer.u8(
    request.flags |
      (request.isRecursive ? FLAG_RECURSIVE : 0) |
      (request.isKeysOnly ? FLAG_KEYS_ONLY : 0) |
      (request.isCountOnly ? FLAG_COUNT_ONLY : 0),
  );
  writer.u32(request.limit);
  writeKeyField(writer, request.directory);
  writer.utf8(request.startAfter);
}

/** A list request that has been checked. */
export interface ListFields {
  readonly directory: ByteKey;
  readonly startAfter: ByteKey | null;
  readonly limit: number;
  readonly isRecursive: boolean;
  readonly isKeysOnly: boolean;
  readonly isCountOnly: boolean;
}

export function readList(buf: Buffer, start: number, end: number): ListFields | Refusal {
  const keyEnd = end - start < HEADER_BYTES ? -1 : keyFieldEnd(buf, start + HEADER_BYTES, end);
  if (keyEnd < 0) {
    return Refusal.requestMalformed;
  }
  const flags = buf[start] as number;
  const directoryStart = keyStart(buf, start + HEADER_BYTES + KEY_LENGTH_BYTES, keyEnd);
  const afterStart = keyStart(buf, keyEnd, end);
  const refusal = checkKey(buf, directoryStart, keyEnd) || checkKey(buf, afterStart, end);
  if (refusal !== 0) {
    return refusal;
  }
  const directory = readKey(buf, directoryStart, keyEnd);
  const startAfter = afterStart === end ? null : readKey(buf, afterStart, end);
  if (startAfter !== null && !isBelow(startAfter, directory)) {
    return Refusal.requestMalformed;
  }
  return {
    directory,
    startAfter,
    limit: buf.readUInt32BE(start + 1),
    isRecursive: (flags & FLAG_RECURSIVE) !== 0,
    isKeysOnly: (flags & FLAG_KEYS_ONLY) !== 0,
    isCountOnly: (flags & FLAG_COUNT_ONLY) !== 0,
  };
}

/** What a list request is answered with. */
export interface ListAnswer {
  /** Revision of the tree that was read. */
  readonly revision: number;
  readonly page: Page;
  readonly isKeysOnly: boolean;
}

/**
 * `u64 revision · u8 flags (1 more) · u32 count`, then per node `u8 kind · u16 keyLength · key` and, unless keys
 * only, `u32 length · record`.
 */
export function encodeListReply(writer: ByteWriter, answer: ListAnswer): void {
  const { page, isKeysOnly } = answer;
  writer.u64(answer.revision);
  writer.u8(page.hasMore ? FLAG_MORE : 0);
  writer.u32(page.nodes.length);
  for (const node of page.nodes) {
    const { length } = node.key;
    writer.u8(nodeKind(node));
    writer.u16(length);
    writer.ensure(length);
    writer.buf.write(node.key, writer.pos, "latin1");
    writer.pos += length;
    if (!isKeysOnly) {
      writeRecordField(writer, node);
    }
  }
}

export interface CountAnswer {
  readonly revision: number;
  readonly count: number;
}

/** `u64 revision · u64 count` */
export function encodeCountReply(writer: ByteWriter, answer: CountAnswer): void {
  writer.u64(answer.revision);
  writer.u64(answer.count);
}

export function decodeCountReply(body: Buffer, start: number, end: number): CountAnswer {
  return decodeReply(body, start, end, readCount);
}

function readCount(reader: ByteReader): CountAnswer {
  const revision = reader.u64();
  return { revision, count: reader.u64() };
}

/** What is in a directory, with its values. */
export interface KvPage<T> {
  /** Revision of the tree that was read. */
  readonly revision: number;
  /** In tree order: siblings by the bytes of their keys, what is in a directory right behind it. */
  readonly entries: readonly T[];
  /** Whether more follows; the next page starts after the key of the last entry. */
  readonly hasMore: boolean;
}

export interface KvKey {
  readonly key: string;
  readonly kind: KvNode["kind"];
}

export interface KvEntry {
  readonly key: string;
  readonly node: KvNode;
}

export function decodeKeysReply(body: Buffer, start: number, end: number): KvPage<KvKey> {
  return decodeReply(body, start, end, readKeyPage);
}

export function decodeListReply(body: Buffer, start: number, end: number): KvPage<KvEntry> {
  return decodeReply(body, start, end, readEntryPage);
}

function readKeyPage(reader: ByteReader): KvPage<KvKey> {
  return readPage(reader, readListedKey);
}

function readEntryPage(reader: ByteReader): KvPage<KvEntry> {
  return readPage(reader, readListedEntry);
}

function readPage<T>(reader: ByteReader, readEntry: (reader: ByteReader) => T): KvPage<T> {
  const revision = reader.u64();
  const hasMore = (reader.u8() & FLAG_MORE) !== 0;
  const count = reader.u32();
  const entries: T[] = [];
  for (let i = 0; i < count; i++) {
    entries.push(readEntry(reader));
  }
  return { revision, entries, hasMore };
}

function readListedKey(reader: ByteReader): KvKey {
  const kind = reader.u8() === NodeKind.value ? "value" : "directory";
  return { kind, key: reader.utf8(reader.u16()) };
}

function readListedEntry(reader: ByteReader): KvEntry {
  const kind = reader.u8();
  const key = reader.utf8(reader.u16());
  return { key, node: readRecordField(reader, kind) };
}
