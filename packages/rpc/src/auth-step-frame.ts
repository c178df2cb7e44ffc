import {
  COMMAND_AT,
  Command,
  FLAGS_AT,
  HEADER_BYTES,
  HEADER_VERSION,
  MIN_FRAME_BYTES,
  REQUEST_BYTE,
  RESPONSE_BYTE,
  SEQ_AT,
  WORD_AT,
  writeHeader,
} from "./frame.ts";
import { Status } from "./status.ts";
import type { Kind } from "./frame.ts";

/** A question of the accepting side in the course of an authentication. */
export function encodeChallenge(seq: number, data: Uint8Array): Buffer {
  return encodeAuthStep(REQUEST_BYTE, seq, data);
}

/** The answer to the challenge with the same number. */
export function encodeAnswer(seq: number, data: Uint8Array): Buffer {
  return encodeAuthStep(RESPONSE_BYTE, seq, data);
}

function encodeAuthStep(kindByte: number, seq: number, data: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + data.length);
  frame.set(data, HEADER_BYTES);
  writeHeader(frame, 0, frame.length, kindByte, 0, Command.authenticate, seq, Status.ok, 0);
  return frame;
}

/** A frame that `encodeChallenge` or `encodeAnswer` makes; null for any other. `data` is a view. */
export function readAuthStep(
  frame: Buffer,
  expected: typeof Kind.request | typeof Kind.response,
): { readonly seq: number; readonly data: Buffer } | null {
  if (
    frame.readUInt8(0) !== ((HEADER_VERSION << 4) | expected) ||
    frame.readUInt8(FLAGS_AT) !== 0 ||
    frame.readUInt16BE(COMMAND_AT) !== Command.authenticate ||
    frame.readUInt32BE(WORD_AT) !== 0
  ) {
    return null;
  }
  return { seq: frame.readUInt32BE(SEQ_AT), data: frame.subarray(MIN_FRAME_BYTES) };
}
