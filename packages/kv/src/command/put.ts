// Hot path: per operation. Bench: bench/handlers.bench.ts. No closures, no views.
import { readUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { KvError } from "../errors.ts";
import { Refusal } from "../refusal.ts";
import { checkKey, keyStart } from "../store/byte-key.ts";
import { MAX_VALUE_BYTES } from "../store/record.ts";
import { KEY_LENGTH_BYTES, keyFieldEnd, writeKeyField, writeValueInput } from "./key-field.ts";
import type { ValueInput } from "./key-field.ts";

export interface PutRequest {
  readonly key: string;
  readonly value: ValueInput;
}

/** `u16 keyLength · key · value` */
export function encodePut(writer: ByteWriter, request: PutRequest): void {
  writeKeyField(writer, request.key);
  writeValueInput(writer, request.value);
}

/** Everything that can be refused without looking at the tree. */
export function checkPut(buf: Buffer, start: number, end: number): Refusal | 0 {
  const keyEnd = keyFieldEnd(buf, start, end);
  if (keyEnd < 0) {
    return Refusal.requestMalformed;
  }
  if (end - keyEnd > MAX_VALUE_BYTES) {
    return Refusal.valueTooLarge;
  }
  return checkKey(buf, keyStart(buf, start + KEY_LENGTH_BYTES, keyEnd), keyEnd);
}

/** Reply of put, delete and mkdir: `u64 revision`, 0 when there was nothing to do. */
export function encodeRevision(writer: ByteWriter, revision: number): void {
  writer.u64(revision);
}

export function decodeRevision(body: Buffer, start: number, end: number): number {
  if (end - start !== 8) {
    throw new KvError({ code: "DT_KV_BAD_REPLY" });
  }
  return readUint64(body, start);
}
