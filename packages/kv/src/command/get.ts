// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures.
import { readUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import type { Freshness } from "@dt/raft";
import type { Node } from "../store/node.ts";
import { nodeKind, NodeKind, readRecord, writeRecord } from "./node-record.ts";
import type { KvNode } from "./node-record.ts";

export const GET_FLAGS_BYTES = 1;
const KIND_BYTES = 1;
const FRESHNESS_BYTES = 16;
const UNKNOWN_AGE = Number.MAX_SAFE_INTEGER;

export interface GetRequest {
  readonly key: string;
  /** Of FLAG_STALE, FLAG_REPLICA, FLAG_FRESHNESS. */
  readonly flags: number;
}

/** `u8 flags (1 stale, 16 any replica, 32 with freshness) · key` */
export function encodeGet(writer: ByteWriter, request: GetRequest): void {
  writer.u8(request.flags);
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

/** What a stale read found, and what that stands on. */
export interface StaleNode {
  readonly node: KvNode | null;
  /** The replica has applied the log up to here. */
  readonly appliedIndex: number;
  /** Milliseconds since the replica held everything committed; Infinity when it was never told. */
  readonly ageMs: number;
}

/** `u64 applied index · u64 age in ms, 2^53-1 for unknown`, then as `encodeGetReply`. */
export function encodeFreshGetReply(
  writer: ByteWriter,
  { node, freshness }: { readonly node: Node | null; readonly freshness: Freshness },
): void {
  const { appliedIndex, ageMs } = freshness;
  writer.u64(appliedIndex);
  writer.u64(ageMs === Infinity ? UNKNOWN_AGE : Math.ceil(ageMs));
  encodeGetReply(writer, node);
}

export function decodeStaleGetReply(body: Buffer, start: number, end: number): StaleNode {
  if (end - start < FRESHNESS_BYTES) {
    throw new RangeError("a stale answer without its freshness");
  }
  const ageMs = readUint64(body, start + 8);
  return {
    appliedIndex: readUint64(body, start),
    ageMs: ageMs === UNKNOWN_AGE ? Infinity : ageMs,
    node: decodeGetReply(body, start + FRESHNESS_BYTES, end),
  };
}

export function decodeGetReply(body: Buffer, start: number, end: number): KvNode | null {
  const kind = start < end ? (body[start] as number) : -1;
  return kind === NodeKind.absent && end - start === KIND_BYTES
    ? null
    : readRecord(kind, body, start + KIND_BYTES, end);
}
