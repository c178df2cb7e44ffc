import type { ByteWriter } from "@dt/codec";
import type { Refusal } from "../refusal.ts";
import { checkKey, keyStart } from "../store/byte-key.ts";

/** The body is the key. */
export function encodeMkdir(writer: ByteWriter, key: string): void {
  writer.utf8(key);
}

export function checkMkdir(buf: Buffer, start: number, end: number): Refusal | 0 {
  return checkKey(buf, keyStart(buf, start, end), end);
}
