// Hot path: per field. Bench: bench/message.bench.ts.
//
// Built on protobufjs like its counterpart in binary-writer.ts, with 64-bit fields as numbers and
// text checked. `view` and `size` are not in protobufjs' public types; binary-reader.test.ts fails
// when one of them changes.
import protobuf from "protobufjs/minimal.js";
import { CodecError } from "./errors.ts";
import { joinInt64, joinSint64, joinUint64 } from "./uint64.ts";
import { readUtf8 } from "./utf8.ts";

interface ReaderBase {
  buf: Buffer;
  pos: number;
  len: number;
  view: DataView | null;
  uint32(): number;
  int32(): number;
  sint32(): number;
  fixed32(): number;
  sfixed32(): number;
  uint64(): number;
  int64(): number;
  sint64(): number;
  fixed64(): number;
  sfixed64(): number;
  float(): number;
  double(): number;
  bool(): boolean;
  size(): number;
  string(): string;
  /** A view: it lives and changes with the buffer that is decoded. Copy it to keep it. */
  bytes(): Uint8Array;
}

const ReaderBase = protobuf.BufferReader as unknown as new (buf: Buffer) => ReaderBase;

/**
 * The value of an absent bytes field. One for all, so that decoding does not allocate it per
 * message.
 */
export const EMPTY: Uint8Array = Buffer.alloc(0);

/**
 * What generated `decode` functions read from. 64-bit fields are numbers, refused with
 * DT_CODEC_UINT64_RANGE where a number is not exact. Malformed input may throw errors of protobufjs
 * as well: `decodeMessage` makes them one.
 */
export class BinaryReader extends ReaderBase {
  /**
   * Written by generated code, which bounds the nesting with it; declared here to keep one shape.
   */
  __tsProtoDecodeDepth = 0;
  /** The high half of the varint that #varint read; the low half is its result. */
  #high = 0;

  constructor(bytes: Uint8Array) {
    const { buffer, byteOffset, byteLength } = bytes;
    super(Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength));
  }

  attach(buf: Buffer, start: number, end: number): void {
    this.buf = buf;
    this.pos = start;
    this.len = end;
    this.view = null;
    this.__tsProtoDecodeDepth = 0;
  }

  /** Passes over the value of an unknown field. Groups are refused. */
  skip(wireType: number): this {
    switch (wireType) {
      case 0:
        this.#varint();
        return this;
      case 1:
        return this.#advance(8);
      case 2:
        return this.#advance(this.size());
      case 5:
        return this.#advance(4);
      default:
        throw malformed(`wire type ${wireType}`, this.pos);
    }
  }

  /** Throws DT_CODEC_UTF8 for an ill-formed sequence. */
  override string(): string {
    const byteCount = this.size();
    const start = this.pos;
    this.#advance(byteCount);
    return readUtf8(this.buf, start, this.pos);
  }

  override uint64(): number {
    const low = this.#varint();
    return this.#high === 0 ? low : joinUint64(this.#high, low);
  }

  override int64(): number {
    const low = this.#varint();
    return this.#high === 0 ? low : joinInt64(this.#high, low);
  }

  override sint64(): number {
    const low = this.#varint();
    return joinSint64(this.#high, low);
  }

  override fixed64(): number {
    const low = this.fixed32();
    return joinUint64(this.fixed32(), low);
  }

  override sfixed64(): number {
    const low = this.fixed32();
    return joinInt64(this.fixed32(), low);
  }

  /** Reads 64 bits, bits beyond them are dropped. */
  #varint(): number {
    const buf = this.buf;
    // A short message ends the loop, a long one the tenth byte.
    const last = Math.min(this.len, this.pos + 10);
    let low = 0;
    let high = 0;
    let shift = 0;
    for (let pos = this.pos; pos < last; pos++, shift += 7) {
      const byte = buf[pos]!;
      if (shift < 28) {
        low |= (byte & 127) << shift;
      } else if (shift > 28) {
        high |= (byte & 127) << (shift - 32);
      } else {
        low |= byte << 28;
        high = (byte & 127) >>> 4;
      }
      if (byte < 128) {
        this.pos = pos + 1;
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw malformed(last === this.len ? "truncated" : "varint of more than ten bytes", this.pos);
  }

  #advance(byteCount: number): this {
    if (byteCount > this.len - this.pos) {
      throw malformed("truncated", this.pos);
    }
    this.pos += byteCount;
    return this;
  }
}

function malformed(reason: string, offset: number): CodecError {
  return new CodecError({ code: "DT_CODEC_MESSAGE", reason, offset });
}
