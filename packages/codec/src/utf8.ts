// Hot path: per string. Bench: bench/utf8.bench.ts.
import { isUtf8 } from "node:buffer";
import { CodecError } from "./errors.ts";

/** Up to this many characters a loop over ASCII costs less than a call into native code. */
const LOOP_MAX_CHARS = 16;
/** The same for the bytes of a text that is read. */
const READ_LOOP_MAX_BYTES = 12;

/**
 * Bytes that `text` takes as UTF-8; a lone surrogate counts as the three bytes of its replacement.
 */
export function utf8Length(text: string): number {
  const length = text.length;
  if (length <= LOOP_MAX_CHARS) {
    let at = 0;
    while (at < length && text.charCodeAt(at) < 128) {
      at++;
    }
    if (at === length) {
      return length;
    }
  }
  return Buffer.byteLength(text);
}

/**
 * Writes `text` as UTF-8 and returns the position after it. The caller has made room: three bytes
 * per character always suffice. Throws DT_CODEC_UTF8 for a lone surrogate, which UTF-8 cannot
 * carry; what is then in `buf` after `pos` is undefined.
 */
export function writeUtf8(buf: Buffer, pos: number, text: string): number {
  const length = text.length;
  if (length <= LOOP_MAX_CHARS) {
    let at = 0;
    for (; at < length; at++) {
      const char = text.charCodeAt(at);
      if (char > 127) {
        break;
      }
      buf[pos + at] = char;
    }
    if (at === length) {
      return pos + length;
    }
  }
  const written = buf.write(text, pos);
  // One byte per character is ASCII, where nothing can be ill-formed.
  if (written !== length && !text.isWellFormed()) {
    throw new CodecError({ code: "DT_CODEC_UTF8", offset: pos });
  }
  return pos + written;
}

/**
 * Decodes buf[start, end). Throws DT_CODEC_UTF8 for an ill-formed sequence; nothing is replaced.
 */
export function readUtf8(buf: Buffer, start: number, end: number): string {
  if (end - start <= READ_LOOP_MAX_BYTES) {
    const ascii = readShortAscii(buf, start, end);
    if (ascii.length === end - start) {
      return ascii;
    }
  }
  const text = buf.toString(undefined, start, end);
  // The native decoder puts U+FFFD where the input is ill-formed, but it may also have been sent.
  if (text.includes("\ufffd") && !isUtf8(buf.subarray(start, end))) {
    throw new CodecError({ code: "DT_CODEC_UTF8", offset: start });
  }
  return text;
}

/** Stops before the first group of characters that is not ASCII. */
function readShortAscii(buf: Buffer, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at <= end - 4; at += 4) {
    const a = buf[at]!;
    const b = buf[at + 1]!;
    const c = buf[at + 2]!;
    const d = buf[at + 3]!;
    if ((a | b | c | d) > 127) {
      return text;
    }
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end && buf[at]! < 128; at++) {
    text += String.fromCharCode(buf[at]!);
  }
  return text;
}

/** Whether buf[start, end) is well-formed UTF-8. */
export function isValidUtf8(buf: Buffer, start: number, end: number): boolean {
  let at = start;
  const loopEnd = Math.min(end, start + LOOP_MAX_CHARS);
  while (at < loopEnd && buf[at]! < 128) {
    at++;
  }
  return at === end || isUtf8(buf.subarray(at, end));
}
