// Hot path: per string. Bench: bench/utf8.bench.ts.
import { isUtf8 } from "node:buffer";
import { CodecError } from "./errors.ts";

/** Up to this many characters a loop over ASCII is cheaper than a call into native code. */
const LOOP_MAX_CHARS = 24;

/** Bytes that `text` takes as UTF-8. */
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
 * Writes `text` as UTF-8 and returns the position after it. The caller has made room: 3 bytes per character
 * always suffice. Throws DT_CODEC_UTF8 for a lone surrogate, which UTF-8 cannot carry.
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
  if (!text.isWellFormed()) {
    throw new CodecError({ code: "DT_CODEC_UTF8", offset: 0 });
  }
  return pos + buf.write(text, pos, "utf8");
}

/** Decodes buf[start, end). Throws DT_CODEC_UTF8 for an ill-formed sequence; nothing is ever replaced. */
export function readUtf8(buf: Buffer, start: number, end: number): string {
  const text = buf.toString("utf8", start, end);
  // The decoder writes U+FFFD for what is ill-formed; only then is a second look needed, because U+FFFD
  // may also have been sent.
  if (text.includes("\ufffd") && !isUtf8(buf.subarray(start, end))) {
    throw new CodecError({ code: "DT_CODEC_UTF8", offset: start });
  }
  return text;
}

export function isValidUtf8(buf: Buffer, start: number, end: number): boolean {
  let at = start;
  const loopEnd = end - start <= LOOP_MAX_CHARS ? end : start;
  while (at < loopEnd && buf[at]! < 128) {
    at++;
  }
  return at === end || isUtf8(buf.subarray(at, end));
}
