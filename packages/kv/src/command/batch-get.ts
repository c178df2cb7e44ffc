import type { ByteReader, ByteWriter } from "@dt/codec";
import { Refusal, refusalCode, refusalFromWire } from "../refusal.ts";
import type { RefusalCode } from "../refusal.ts";
import type { Node } from "../store/node.ts";
import { MAX_BATCH_KEYS } from "./batch-put.ts";
import { KEY_LENGTH_BYTES, keyFieldEnd, writeKeyField } from "./key-field.ts";
import { nodeKind, NodeKind, readRecordField, writeRecordField } from "./node-record.ts";
import type { KvNode } from "./node-record.ts";
import { decodeReply } from "./reply.ts";

const HEADER_BYTES = 3;
/** Stands for a key in place of the kind of a node. */
const REFUSED = 3;

export interface BatchGetRequest {
  readonly keys: readonly string[];
  /** Of FLAG_STALE, FLAG_REPLICA. */
  readonly flags: number;
}

/** `u8 flags (1 stale, 16 any replica) · u16 count`, then per key `u16 keyLength · key`. */
export function encodeBatchGet(writer: ByteWriter, request: BatchGetRequest): void {
  writer.u8(request.flags);
  writer.u16(request.keys.length);
  for (const key of request.keys) {
    writeKeyField(writer, key);
  }
}

/** Refuses what is not a batch at all; what is wrong with one of its keys is a result of that key. */
export function checkBatchGet(buf: Buffer, start: number, end: number): Refusal | 0 {
  if (end - start < HEADER_BYTES) {
    return Refusal.requestMalformed;
  }
  const count = buf.readUInt16BE(start + 1);
  if (count > MAX_BATCH_KEYS) {
    return Refusal.batchTooLarge;
  }
  let at = start + HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    at = keyFieldEnd(buf, at, end);
    if (at < 0) {
      return Refusal.requestMalformed;
    }
  }
  return at === end ? 0 : Refusal.requestMalformed;
}

/** Calls `each` with the range of every key of a checked request. */
export function forEachBatchKey(
  buf: Buffer,
  start: number,
  each: (keyStart: number, keyEnd: number) => void,
): void {
  const count = buf.readUInt16BE(start + 1);
  let at = start + HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const keyEnd = at + KEY_LENGTH_BYTES + buf.readUInt16BE(at);
    each(at + KEY_LENGTH_BYTES, keyEnd);
    at = keyEnd;
  }
}

/** A node, null for one that is not there, or a refusal. */
export type BatchGetOutcome = Node | null | Refusal;

/**
 * `u64 revision · u16 count`, then per key `u8 kind (0 absent, 1 value, 2 directory, 3 refused)` and the
 * `u32 length · record` of a node or the negated refusal as u8. The count is that of the first keys
 * that fit into the reply, at least one.
 */
export function encodeBatchGetReply(
  writer: ByteWriter,
  answer: { readonly revision: number; readonly outcomes: readonly BatchGetOutcome[] },
): void {
  writer.u64(answer.revision);
  writer.u16(answer.outcomes.length);
  for (const outcome of answer.outcomes) {
    if (outcome === null) {
      writer.u8(NodeKind.absent);
    } else if (typeof outcome === "number") {
      writer.u8(REFUSED);
      writer.u8(-outcome);
    } else {
      writer.u8(nodeKind(outcome));
      writeRecordField(writer, outcome);
    }
  }
}

/** What was found under one key of a batch. */
export type BatchGetResult =
  | { readonly isOk: true; readonly node: KvNode | null }
  | { readonly isOk: false; readonly code: RefusalCode };

export interface BatchGetReply {
  /** Revision of the tree that was read. */
  readonly revision: number;
  /** Of the first keys of the request, at least one. */
  readonly results: readonly BatchGetResult[];
}

export function decodeBatchGetReply(body: Buffer, start: number, end: number): BatchGetReply {
  return decodeReply(body, start, end, readBatch);
}

function readBatch(reader: ByteReader): BatchGetReply {
  const revision = reader.u64();
  const count = reader.u16();
  const results: BatchGetResult[] = [];
  for (let i = 0; i < count; i++) {
    results.push(readResult(reader));
  }
  return { revision, results };
}

function readResult(reader: ByteReader): BatchGetResult {
  const kind = reader.u8();
  switch (kind) {
    case NodeKind.absent:
      return { isOk: true, node: null };
    case REFUSED:
      return { isOk: false, code: refusalCode(refusalFromWire(reader.u8())) };
    default:
      return { isOk: true, node: readRecordField(reader, kind) };
  }
}
