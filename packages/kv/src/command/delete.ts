import type { ByteWriter } from "@dt/codec";
import { Refusal } from "../refusal.ts";
import { checkKey, keyStart } from "../store/byte-key.ts";

const FLAG_RECURSIVE = 1;
const FLAGS_BYTES = 1;

export interface DeleteRequest {
  readonly key: string;
  readonly isRecursive: boolean;
}

/** `u8 flags (1 recursive) · key` */
export function encodeDelete(writer: ByteWriter, request: DeleteRequest): void {
  writer.u8(request.isRecursive ? FLAG_RECURSIVE : 0);
  writer.utf8(request.key);
}

export function checkDelete(buf: Buffer, start: number, end: number): Refusal | 0 {
  return start === end
    ? Refusal.requestMalformed
    : checkKey(buf, deleteKeyStart(buf, start, end), end);
}

/** The key reaches from here to the end. */
export function deleteKeyStart(buf: Buffer, start: number, end: number): number {
  return keyStart(buf, start + FLAGS_BYTES, end);
}

export function isRecursiveDelete(buf: Buffer, start: number): boolean {
  return ((buf[start] as number) & FLAG_RECURSIVE) !== 0;
}
