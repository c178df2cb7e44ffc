import type { ByteReader, ByteWriter } from "@dt/codec";
import { Refusal, refusalCode, refusalFromWire } from "../refusal.ts";
import type { RefusalCode } from "../refusal.ts";
import { KEY_LENGTH_BYTES, writeKeyField, writeValueInput } from "./key-field.ts";
import type { PutRequest } from "./put.ts";
import { decodeReply } from "./reply.ts";

/** Keys in one batch, at most. */
export const MAX_BATCH_KEYS = 1024;
/** Bytes of one batch of puts, at most; what a log entry of a group takes by default. */
export const MAX_BATCH_BYTES: number = 2 << 20;

const COUNT_BYTES = 2;
const VALUE_LENGTH_BYTES = 4;
const ITEM_HEADER_BYTES: number = KEY_LENGTH_BYTES + VALUE_LENGTH_BYTES;

/** `u16 count`, then per put `u16 keyLength · key · u32 valueLength · value`. */
export function encodeBatchPut(writer: ByteWriter, puts: readonly PutRequest[]): void {
  writer.u16(puts.length);
  for (const { key, value } of puts) {
    writeKeyField(writer, key);
    const at = writer.pos;
    writer.u32(0);
    writeValueInput(writer, value);
    writer.buf.writeUInt32BE(writer.pos - at - VALUE_LENGTH_BYTES, at);
  }
}

/** The items of one batch, one after the other. */
export class BatchPutWalk {
  readonly #buf: Buffer;
  readonly #end: number;
  readonly #start: number;
  #at: number;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(buf: Buffer, start: number, end: number) {
    this.#buf = buf;
    this.#start = start;
    this.#end = end;
    this.#at = start + COUNT_BYTES;
  }

  /** Refuses what is not a batch at all; what is wrong with one of its keys is a result of that key. */
  check(): Refusal | 0 {
    if (this.#end - this.#start < COUNT_BYTES) {
      return Refusal.requestMalformed;
    }
    const count = this.count;
    if (count > MAX_BATCH_KEYS || this.#end - this.#start > MAX_BATCH_BYTES) {
      return Refusal.batchTooLarge;
    }
    for (let i = 0; i < count; i++) {
      if (!this.next()) {
        return Refusal.requestMalformed;
      }
    }
    const isWhole = this.#at === this.#end;
    this.#at = this.#start + COUNT_BYTES;
    return isWhole ? 0 : Refusal.requestMalformed;
  }

  get count(): number {
    return this.#buf.readUInt16BE(this.#start);
  }

  /** Moves to the next item; false when it does not lie within the buffer. */
  next(): boolean {
    const left = this.#end - this.#at;
    if (left < ITEM_HEADER_BYTES) {
      return false;
    }
    this.keyStart = this.#at + KEY_LENGTH_BYTES;
    this.keyEnd = this.keyStart + this.#buf.readUInt16BE(this.#at);
    this.valueStart = this.keyEnd + VALUE_LENGTH_BYTES;
    if (this.valueStart > this.#end) {
      return false;
    }
    this.valueEnd = this.valueStart + this.#buf.readUInt32BE(this.keyEnd);
    this.#at = this.valueEnd;
    return this.valueEnd <= this.#end;
  }
}

/** What became of one put of a batch. */
export type BatchPutResult =
  | { readonly isOk: true; readonly revision: number }
  | { readonly isOk: false; readonly code: RefusalCode };

/** `u16 count`, then per put `u8 0 · u64 revision`, or the negated refusal as u8. */
export function encodeBatchPutReply(writer: ByteWriter, outcomes: readonly number[]): void {
  writer.u16(outcomes.length);
  for (const outcome of outcomes) {
    if (outcome < 0) {
      writer.u8(-outcome);
    } else {
      writer.u8(0);
      writer.u64(outcome);
    }
  }
}

export function decodeBatchPutReply(
  body: Buffer,
  start: number,
  end: number,
): readonly BatchPutResult[] {
  return decodeReply(body, start, end, readResults);
}

function readResults(reader: ByteReader): readonly BatchPutResult[] {
  const count = reader.u16();
  const results: BatchPutResult[] = [];
  for (let i = 0; i < count; i++) {
    const negated = reader.u8();
    results.push(
      negated === 0
        ? { isOk: true, revision: reader.u64() }
        : { isOk: false, code: refusalCode(refusalFromWire(negated)) },
    );
  }
  return results;
}
