import type { ByteReader, ByteWriter } from "@dt/codec";
import { Refusal } from "../refusal.ts";
import { checkKey, keyStart } from "../store/byte-key.ts";
import { MAX_VALUE_BYTES } from "../store/record.ts";
import { KEY_LENGTH_BYTES, keyFieldEnd, writeKeyField, writeValueInput } from "./key-field.ts";
import type { ValueInput } from "./key-field.ts";
import { decodeReply } from "./reply.ts";

const Compare = { revision: 0, value: 1 } as const;
const HEADER_BYTES = 1;
const REVISION_BYTES = 8;
const LENGTH_BYTES = 4;

interface CasRevision {
  readonly revision: number;
}

interface CasValue {
  readonly value: ValueInput | null;
}

/** What the key must hold for the swap to happen. Revision 0 and value null both mean: nothing. */
export type CasExpectation = CasRevision | CasValue;

export interface CasRequest {
  readonly key: string;
  readonly expected: CasExpectation;
  readonly value: ValueInput;
}

/**
 * `u8 compare (0 revision, 1 value) · u16 keyLength · key · expected · value`, where expected is a u64, or a u32
 * length and the bytes. That nothing is there is expected as revision 0.
 */
export function encodeCas(writer: ByteWriter, request: CasRequest): void {
  const { key, expected, value } = request;
  const { revision = 0, value: held = null }: Partial<CasRevision & CasValue> = expected;
  if (held === null) {
    writer.u8(Compare.revision);
    writeKeyField(writer, key);
    writer.u64(revision);
  } else {
    writer.u8(Compare.value);
    writeKeyField(writer, key);
    const at = writer.pos;
    writer.u32(0);
    writeValueInput(writer, held);
    writer.buf.writeUInt32BE(writer.pos - at - LENGTH_BYTES, at);
  }
  writeValueInput(writer, value);
}

/** Where the parts of a request are. */
export interface CasFields {
  readonly keyStart: number;
  readonly keyEnd: number;
  /** The expected modRevision, or -1 when values are compared. */
  readonly revision: number;
  readonly expectedStart: number;
  /** The expected value ends here, and the new one begins. */
  readonly expectedEnd: number;
}

export function readCas(buf: Buffer, start: number, end: number): CasFields | Refusal {
  const compare = buf[start];
  const keyEnd = start < end ? keyFieldEnd(buf, start + HEADER_BYTES, end) : -1;
  if (keyEnd < 0) {
    return Refusal.requestMalformed;
  }
  let expectedStart = keyEnd;
  let expectedEnd = keyEnd;
  let revision = -1;
  if (compare === Compare.revision && end - keyEnd >= REVISION_BYTES) {
    expectedEnd = keyEnd + REVISION_BYTES;
    revision = buf.readUInt32BE(keyEnd) * 0x1_0000_0000 + buf.readUInt32BE(keyEnd + 4);
  } else if (compare === Compare.value && end - keyEnd >= LENGTH_BYTES) {
    expectedStart = keyEnd + LENGTH_BYTES;
    expectedEnd = expectedStart + buf.readUInt32BE(keyEnd);
  } else {
    return Refusal.requestMalformed;
  }
  if (expectedEnd > end) {
    return Refusal.requestMalformed;
  }
  if (end - expectedEnd > MAX_VALUE_BYTES) {
    return Refusal.valueTooLarge;
  }
  const keyFrom = keyStart(buf, start + HEADER_BYTES + KEY_LENGTH_BYTES, keyEnd);
  return { keyStart: keyFrom, keyEnd, revision, expectedStart, expectedEnd };
}

export function checkCas(buf: Buffer, start: number, end: number): Refusal | 0 {
  const fields = readCas(buf, start, end);
  return typeof fields === "number" ? fields : checkKey(buf, fields.keyStart, fields.keyEnd);
}

export type CasResult =
  | { readonly isSwapped: true; readonly revision: number }
  /** `modRevision` is what the key has instead, 0 for nothing. */
  | { readonly isSwapped: false; readonly modRevision: number };

/** `u8 swapped · u64 revision`: of the write, or the modRevision found. */
export function encodeCasReply(writer: ByteWriter, result: CasResult): void {
  writer.u8(result.isSwapped ? 1 : 0);
  writer.u64(result.isSwapped ? result.revision : result.modRevision);
}

export function decodeCasReply(body: Buffer, start: number, end: number): CasResult {
  return decodeReply(body, start, end, readCasResult);
}

function readCasResult(reader: ByteReader): CasResult {
  const isSwapped = reader.u8() === 1;
  const revision = reader.u64();
  return isSwapped ? { isSwapped, revision } : { isSwapped, modRevision: revision };
}
