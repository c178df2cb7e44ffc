// Hot path: per operation. Bench: bench/store.bench.ts. No closures, no views.
import { isUtf8 } from "node:buffer";
import { Refusal } from "../refusal.ts";
import { readLatin1 } from "./latin1.ts";

/** Longest key in bytes of UTF-8, a leading slash not counted. */
export const MAX_KEY_BYTES = 8192;

export const SLASH = 0x2f;
const SEPARATOR = "/";

declare const isByteKey: unique symbol;

/**
 * A key as the store holds it: one character per byte of its UTF-8 form, without a leading slash. Such strings
 * cost no decoding, take one byte per byte, and compare with `<` in the byte order of the keys. The root is "".
 */
export type ByteKey = string & { readonly [isByteKey]: true };

export const ROOT_KEY: ByteKey = "" as ByteKey;

/** Where the key of buf[start, end) begins: one leading slash is ignored. */
export function keyStart(buf: Buffer, start: number, end: number): number {
  return start < end && buf[start] === SLASH ? start + 1 : start;
}

/**
 * Checks buf[start, end), a key from `keyStart` on: 0 when it is well-formed. The empty key is the root. Empty
 * segments are refused, and so are a second leading slash and a slash at the end, which are empty segments too.
 */
export function checkKey(buf: Buffer, start: number, end: number): Refusal | 0 {
  if (end - start > MAX_KEY_BYTES) {
    return Refusal.keyTooLong;
  }
  let previous = SLASH;
  let seen = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte === SLASH && previous === SLASH) {
      return Refusal.keyEmptySegment;
    }
    seen |= byte;
    previous = byte;
  }
  if (previous === SLASH && end > start) {
    return Refusal.keyEmptySegment;
  }
  return seen < 0x80 || isUtf8(buf.subarray(start, end)) ? 0 : Refusal.keyNotUtf8;
}

/** The key of buf[start, end), as `keyStart` found it. It is well-formed only if `checkKey` says so. */
export function readKey(buf: Buffer, start: number, end: number): ByteKey {
  return readLatin1(buf, start, end) as ByteKey;
}

/** The key of a text; for callers that have no bytes at hand. */
export function toByteKey(text: string): ByteKey {
  const bytes = Buffer.from(text, "utf8");
  return readKey(bytes, keyStart(bytes, 0, bytes.length), bytes.length);
}

export function keyText(key: ByteKey): string {
  return Buffer.from(key, "latin1").toString("utf8");
}

/** The directory that holds `key`. The root has none; asked for it, the answer is the root. */
export function parentKey(key: ByteKey): ByteKey {
  return key.slice(0, Math.max(0, key.lastIndexOf(SEPARATOR))) as ByteKey;
}

/** Whether `key` lies somewhere below `directory`. */
export function isBelow(key: ByteKey, directory: ByteKey): boolean {
  return directory === ROOT_KEY
    ? key !== ROOT_KEY
    : key.length > directory.length + 1 &&
        key.charCodeAt(directory.length) === SLASH &&
        key.startsWith(directory);
}

/**
 * The child of `directory` on the way to `key`, which lies below it: the key itself when it is a child.
 */
export function childOnPath(directory: ByteKey, key: ByteKey): ByteKey {
  const slash = key.indexOf(SEPARATOR, directory === ROOT_KEY ? 0 : directory.length + 1);
  return slash < 0 ? key : (key.slice(0, slash) as ByteKey);
}
