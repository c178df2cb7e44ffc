// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures.
import type { ByteWriter } from "@dt/codec";
import type { Node } from "../store/node.ts";
import { nodeKind, NodeKind, readRecord, writeRecord } from "./node-record.ts";
import type { KvNode } from "./node-record.ts";
import { FLAG_STALE } from "./numbers.ts";

export const GET_FLAGS_BYTES = 1;
const KIND_BYTES = 1;

export interface GetRequest {
  readonly key: string;
  readonly isStale: boolean;
}

/** `u8 flags (1 stale) · key` */
export function encodeGet(writer: ByteWriter, request: GetRequest): void {
  writer.u8(request.isStale ? FLAG_STALE : 0);
  writer.utf8(request.key);
}

/** `u8 kind (0 absent, 1 value, 2 directory)`, then the record of the node. */
export function encodeGetReply(writer: ByteWriter, node: Node | null): void {
  if (node === null) {
    writer.u8(NodeKind.absent);
  } else {
    writer.u8(nodeKind(node));
    writeRecord(writer, node);
  }
}

export function decodeGetReply(body: Buffer, start: number, end: number): KvNode | null {
  const kind = start < end ? (body[start] as number) : -1;
  return kind === NodeKind.absent && end - start === KIND_BYTES
    ? null
    : readRecord(kind, body, start + KIND_BYTES, end);
}
