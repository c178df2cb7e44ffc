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
  #depth = 0;
  /** What `len` was for the messages around the one being read. */
  readonly #outerEnds: number[] = [];
  #isTorn = false;
  /** The last number that uint32 read: for a nested message, its length. */
  #lastUint32 = 0;
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
    this.#depth = 0;
    if (this.#outerEnds.length > 0) {
      this.#outerEnds.length = 0;
    }
    this.#isTorn = false;
  }

  /** Whether a nested message ended before its last byte, which generated code does not look at. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  get __tsProtoDecodeDepth(): number {
    return this.#depth;
  }

  /**
   * Generated code counts the nesting here, to bound it. A message inside another is entered right
   * after its length was read, so this is also where reading is confined to that length.
   */
  set __tsProtoDecodeDepth(depth: number) {
    if (depth > this.#depth) {
      if (this.#depth > 0) {
        if (this.#lastUint32 > this.len - this.pos) {
          throw malformed("nested message longer than the one around it", this.pos);
        }
        this.#outerEnds.push(this.len);
        this.len = this.pos + this.#lastUint32;
      }
    } else {
      this.#isTorn ||= this.pos !== this.len;
      this.len = this.#outerEnds.pop() ?? this.len;
    }
    this.#depth = depth;
  }

  override uint32(): number {
    const pos = this.pos;
    const first = pos < this.len ? this.buf[pos]! : 255;
    if (first < 128) {
      this.pos = pos + 1;
      this.#lastUint32 = first;
    } else {
      this.#lastUint32 = super.uint32();
    }
    return this.#lastUint32;
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
