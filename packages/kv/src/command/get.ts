// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures.
import type { ByteWriter } from "@dt/codec";
import { KvError } from "../errors.ts";
import { ValueNode } from "../store/node.ts";
import type { Node } from "../store/node.ts";
import {
  NODE_FIELDS_BYTES,
  nodeKind,
  NodeKind,
  readNode,
  writeNodeFields,
  writeValue,
} from "./node-fields.ts";
import type { KvNode } from "./node-fields.ts";
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

/** `u8 kind (0 absent, 1 value, 2 directory)`, then the fields of the node and its value. */
export function encodeGetReply(writer: ByteWriter, node: Node | null): void {
  if (node === null) {
    writer.u8(NodeKind.absent);
    return;
  }
  writer.u8(nodeKind(node));
  writeNodeFields(writer, node);
  if (node instanceof ValueNode) {
    writeValue(writer, node);
  }
}

export function decodeGetReply(body: Buffer, start: number, end: number): KvNode | null {
  const kind = body[start];
  if (kind === NodeKind.absent && end - start === KIND_BYTES) {
    return null;
  }
  const at = start + KIND_BYTES;
  if (end - at < NODE_FIELDS_BYTES || (kind !== NodeKind.value && kind !== NodeKind.directory)) {
    throw new KvError({ code: "DT_KV_BAD_REPLY" });
  }
  return readNode(kind, body, at, at + NODE_FIELDS_BYTES, end);
}
