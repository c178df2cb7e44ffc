// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures.
import type { ByteReader, ByteWriter } from "@dt/codec";
import { KvError } from "../errors.ts";
import { ValueNode } from "../store/node.ts";
import type { Node } from "../store/node.ts";
import {
  readCreatedMs,
  readCreateRevision,
  readModRevision,
  readUpdatedMs,
  readVersion,
  RECORD_HEAD_BYTES,
} from "../store/record.ts";

export const NodeKind = { absent: 0, value: 1, directory: 2 } as const;

/** What a node says about itself besides its value. */
interface NodeFields {
  /** Revision of the write that created the node. */
  readonly createRevision: number;
  /** Revision of the last write to the node. */
  readonly modRevision: number;
  /** Writes to the node since it was created. */
  readonly version: number;
  /** Times of the first and the last write by the leader's clock, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface KvValue extends NodeFields {
  readonly kind: "value";
  readonly value: Buffer;
}

export interface KvDirectory extends NodeFields {
  readonly kind: "directory";
}

export type KvNode = KvValue | KvDirectory;

export function nodeKind(node: Node): number {
  return node instanceof ValueNode ? NodeKind.value : NodeKind.directory;
}

/** Writes the record of a node, as it is kept: its fields and the value. */
export function writeRecord(writer: ByteWriter, node: Node): void {
  const { recordBuf, recordEnd, recordStart } = node;
  const bytes = recordEnd - recordStart;
  writer.ensure(bytes);
  recordBuf.copy(writer.buf, writer.pos, recordStart, recordEnd);
  writer.pos += bytes;
}

/** Reads the record buf[start, end); the value is copied. Throws DT_KV_BAD_REPLY for what is no record. */
export function readRecord(kind: number, buf: Buffer, start: number, end: number): KvNode {
  const hasHead = end - start >= RECORD_HEAD_BYTES;
  if (!hasHead || (kind !== NodeKind.value && kind !== NodeKind.directory)) {
    throw new KvError({ code: "DT_KV_BAD_REPLY" });
  }
  const createRevision = readCreateRevision(buf, start);
  const modRevision = readModRevision(buf, start);
  const version = readVersion(buf, start);
  const createdMs = readCreatedMs(buf, start);
  const updatedMs = readUpdatedMs(buf, start);
  if (kind === NodeKind.directory) {
    return { kind: "directory", createRevision, modRevision, version, createdMs, updatedMs };
  }
  const value = Buffer.allocUnsafe(end - start - RECORD_HEAD_BYTES);
  buf.copy(value, 0, start + RECORD_HEAD_BYTES, end);
  return { kind: "value", createRevision, modRevision, version, createdMs, updatedMs, value };
}

/** `u32 length · record`, where more follows. */
export function writeRecordField(writer: ByteWriter, node: Node): void {
  writer.u32(node.recordEnd - node.recordStart);
  writeRecord(writer, node);
}

export function readRecordField(reader: ByteReader, kind: number): KvNode {
  const length = reader.u32();
  const start = reader.pos;
  reader.skip(length);
  return readRecord(kind, reader.buf, start, reader.pos);
}
