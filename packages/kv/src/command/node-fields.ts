// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures.
import { readUint64, writeUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { ValueNode } from "../store/node.ts";
import type { Node } from "../store/node.ts";

export const NodeKind = { absent: 0, value: 1, directory: 2 } as const;

/** `u64 createRevision · u64 modRevision · u64 version · u64 createdMs · u64 updatedMs` */
export const NODE_FIELDS_BYTES = 40;

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

export function writeNodeFields(writer: ByteWriter, node: Node): void {
  writer.ensure(NODE_FIELDS_BYTES);
  const { buf, pos } = writer;
  writeUint64(buf, pos, node.createRevision);
  writeUint64(buf, pos + 8, node.modRevision);
  writeUint64(buf, pos + 16, node.version);
  writeUint64(buf, pos + 24, node.createdMs);
  writeUint64(buf, pos + 32, node.updatedMs);
  writer.pos = pos + NODE_FIELDS_BYTES;
}

export function writeValue(writer: ByteWriter, node: ValueNode): void {
  const { valueBuf, valueLength, valueStart } = node;
  writer.ensure(valueLength);
  valueBuf.copy(writer.buf, writer.pos, valueStart, valueStart + valueLength);
  writer.pos += valueLength;
}

/** Reads the fields at `at`; the value of a value node is copied from buf[valueStart, valueEnd). */
export function readNode(
  kind: number,
  buf: Buffer,
  at: number,
  valueStart: number,
  valueEnd: number,
): KvNode {
  const createRevision = readUint64(buf, at);
  const modRevision = readUint64(buf, at + 8);
  const version = readUint64(buf, at + 16);
  const createdMs = readUint64(buf, at + 24);
  const updatedMs = readUint64(buf, at + 32);
  if (kind === NodeKind.directory) {
    return { kind: "directory", createRevision, modRevision, version, createdMs, updatedMs };
  }
  const value = Buffer.allocUnsafe(valueEnd - valueStart);
  buf.copy(value, 0, valueStart, valueEnd);
  return { kind: "value", createRevision, modRevision, version, createdMs, updatedMs, value };
}
