/**
 * The traceparent of W3C Trace Context (https://www.w3.org/TR/trace-context/), as ASCII:
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *     version, trace id, id of the caller's span, flags; bit 0 of the flags: sampled
 */
export const TRACEPARENT_BYTES = 55;

const TRACE_ID_AT = 3;
const SPAN_ID_AT = 36;
const FLAGS_AT = 53;
const DASH = 0x2d;

/**
 * Reads the traceparent in buf[start, end); null when it is none. One of a later version is cut to
 * what version 00 has of it, as the standard demands.
 */
export function readTraceparent(buf: Uint8Array, start: number, end: number): string | null {
  if (end - start < TRACEPARENT_BYTES) {
    return null;
  }
  let text = "";
  for (let at = start; at < start + TRACEPARENT_BYTES; at++) {
    text += String.fromCharCode(buf[at] as number);
  }
  const isLonger = end - start > TRACEPARENT_BYTES;
  if (isLonger && buf[start + TRACEPARENT_BYTES] !== DASH) {
    return null;
  }
  return isLonger && text.startsWith("00") ? null : parseTraceparent(text);
}

/** The traceparent in the form of version 00; null for text that is none. */
export function parseTraceparent(text: string): string | null {
  if (text.length !== TRACEPARENT_BYTES || text.startsWith("ff")) {
    return null;
  }
  let traceBits = 0;
  let spanBits = 0;
  for (let at = 0; at < TRACEPARENT_BYTES; at++) {
    const char = text.charCodeAt(at);
    if (at === TRACE_ID_AT - 1 || at === SPAN_ID_AT - 1 || at === FLAGS_AT - 1) {
      if (char !== DASH) {
        return null;
      }
    } else if (!isLowerHex(char)) {
      return null;
    } else if (at >= TRACE_ID_AT && at < SPAN_ID_AT) {
      traceBits |= char ^ 0x30;
    } else if (at >= SPAN_ID_AT && at < FLAGS_AT) {
      spanBits |= char ^ 0x30;
    }
  }
  // An id of zeros alone is none.
  return traceBits === 0 || spanBits === 0 ? null : `00${text.slice(2)}`;
}

function isLowerHex(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || (char >= 0x61 && char <= 0x66);
}

/** 32 hexadecimal digits. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(TRACE_ID_AT, SPAN_ID_AT - 1);
}

/** 16 hexadecimal digits. */
export function spanIdOf(traceparent: string): string {
  return traceparent.slice(SPAN_ID_AT, FLAGS_AT - 1);
}

export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(FLAGS_AT), 16) & 1) === 1;
}
