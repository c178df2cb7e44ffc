// Hot path: per message. Bench: bench/message.bench.ts.
//
// The reader and writer that generated message code runs on: protobufjs underneath, because it appends to one
// flat buffer, with the names and the 64-bit numbers that ts-proto's code expects. Three members of the base
// are not in its public types: `_reserve`, which every write calls before it touches the buffer, `view`, and
// the reader's `size`. protobufjs is pinned, and the tests of this file notice when one of them goes away.
import protobuf from "protobufjs/minimal.js";
import type { ByteWriter } from "./byte-writer.ts";
import { CodecError } from "./errors.ts";
import { outOfRange } from "./uint64.ts";
import { readUtf8 } from "./utf8.ts";

/** What a 64-bit field may be given as: generated code passes strings for the keys of maps. */
type Integer64 = number | string | { toString(): string };

interface WriterBase {
  buf: Buffer;
  pos: number;
  view: DataView | null;
  _reserve(byteCount: number): void;
  uint32(value: number): this;
  int32(value: number): this;
  sint32(value: number): this;
  fixed32(value: number): this;
  sfixed32(value: number): this;
  float(value: number): this;
  double(value: number): this;
  bool(value: boolean): this;
  string(value: string): this;
  bytes(value: Uint8Array): this;
  uint64(value: Integer64): this;
  int64(value: Integer64): this;
  sint64(value: Integer64): this;
  fixed64(value: Integer64): this;
  sfixed64(value: Integer64): this;
  fork(): this;
  ldelim(): this;
  finish(): Uint8Array;
}

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
  float(): number;
  double(): number;
  bool(): boolean;
  size(): number;
  string(): string;
  /** A view: it lives and changes with the buffer that is decoded, copy it to keep it. */
  bytes(): Uint8Array;
  uint64(): number;
  int64(): number;
  sint64(): number;
  fixed64(): number;
  sfixed64(): number;
}

const WriterBase = protobuf.BufferWriter as unknown as new () => WriterBase;
const ReaderBase = protobuf.BufferReader as unknown as new (buf: Buffer) => ReaderBase;

const TWO_32 = 0x1_0000_0000;

/** The value of an absent bytes field. One for all, so that decoding does not allocate it per message. */
export const EMPTY: Uint8Array = Buffer.alloc(0);

/** What generated `encode` functions write to: memory of its own, or a ByteWriter after `attach`. */
export class BinaryWriter extends WriterBase {
  #target: ByteWriter | null = null;

  /** Continues at the position of `target` and lets it grow its own buffer. */
  attach(target: ByteWriter): void {
    this.#target = target;
    this.buf = target.buf;
    this.pos = target.pos;
    this.view = null;
  }

  detach(): void {
    this.#target = null;
    this.buf = EMPTY as Buffer;
    this.pos = 0;
    this.view = null;
  }

  /** Ends what `fork` began: the name ts-proto's code uses. */
  join(): this {
    return this.ldelim();
  }

  override _reserve(byteCount: number): void {
    if (this.buf.length - this.pos < byteCount) {
      this.#grow(byteCount);
    }
  }

  override uint64(value: Integer64): this {
    const number = toInteger(value);
    if (number < 0) {
      throw outOfRange(number);
    }
    return this.#varint64(number);
  }

  override int64(value: Integer64): this {
    return this.#varint64(toInteger(value));
  }

  override sint64(value: Integer64): this {
    const number = toInteger(value);
    // Twice a 53-bit magnitude is exact in two halves only.
    const magnitude = number < 0 ? -(number + 1) : number;
    const low = magnitude >>> 0;
    const high = Math.floor(magnitude / TWO_32);
    const sign = number < 0 ? 1 : 0;
    return this.#pair(((low << 1) | sign) >>> 0, ((high << 1) | (low >>> 31)) >>> 0);
  }

  override fixed64(value: Integer64): this {
    const number = toInteger(value);
    if (number < 0) {
      throw outOfRange(number);
    }
    return this.#fixed64(number);
  }

  override sfixed64(value: Integer64): this {
    return this.#fixed64(toInteger(value));
  }

  #varint64(value: number): this {
    if (value >= 0 && value < TWO_32) {
      return this.uint32(value);
    }
    return this.#pair(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  #fixed64(value: number): this {
    return this.fixed32(value >>> 0).fixed32(Math.floor(value / TWO_32) >>> 0);
  }

  /** A varint of two unsigned halves. */
  #pair(low: number, high: number): this {
    this._reserve(10);
    const buf = this.buf;
    let pos = this.pos;
    let [lo, hi] = [low, high];
    while (hi !== 0) {
      buf[pos++] = lo | 128;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    while (lo > 127) {
      buf[pos++] = lo | 128;
      lo >>>= 7;
    }
    buf[pos] = lo;
    this.pos = pos + 1;
    return this;
  }

  #grow(byteCount: number): void {
    const target = this.#target;
    if (target === null) {
      super._reserve(byteCount);
      return;
    }
    target.pos = this.pos;
    target.ensure(byteCount);
    this.buf = target.buf;
    this.view = null;
  }
}

/** What generated `decode` functions read from. 64-bit fields are numbers and refused outside the safe integers. */
export class BinaryReader extends ReaderBase {
  /** Written by generated code to bound the nesting; declared here to keep one shape. */
  __tsProtoDecodeDepth = 0;

  constructor(bytes: Uint8Array) {
    super(
      Buffer.isBuffer(bytes)
        ? bytes
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    );
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
        return this.#skipVarint();
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

  override string(): string {
    const byteCount = this.size();
    const start = this.pos;
    this.#advance(byteCount);
    return readUtf8(this.buf, start, this.pos);
  }

  override uint64(): number {
    const start = this.pos;
    const value = this.#positive();
    return value >= 0 ? value : this.#reread(start, 0);
  }

  override int64(): number {
    const start = this.pos;
    const value = this.#positive();
    return value >= 0 ? value : this.#reread(start, 1);
  }

  override sint64(): number {
    const bits = this.#bits();
    const value = (bits & 1n) === 0n ? bits >> 1n : -(bits >> 1n) - 1n;
    return exact(value);
  }

  override fixed64(): number {
    const low = this.fixed32();
    const high = this.fixed32();
    if (high > 0x1f_ffff) {
      throw outOfRange((BigInt(high) << 32n) | BigInt(low));
    }
    return high * TWO_32 + low;
  }

  override sfixed64(): number {
    const low = this.fixed32();
    const high = this.sfixed32();
    const value = high * TWO_32 + low;
    if (!Number.isSafeInteger(value)) {
      throw outOfRange((BigInt(high) << 32n) | BigInt(low));
    }
    return value;
  }

  /** The varint here, or -1 when it does not fit in 53 bits; a longer one has been passed over. */
  #positive(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++, scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        return value <= Number.MAX_SAFE_INTEGER ? value : -1;
      }
    }
    throw malformed("varint of more than ten bytes", this.pos);
  }

  /** The rare case of #positive: a negative number, or one that is refused. */
  #reread(start: number, signed: 0 | 1): number {
    this.pos = start;
    const bits = this.#bits();
    return exact(signed === 1 ? BigInt.asIntN(64, bits) : bits);
  }

  #bits(): bigint {
    let bits = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      bits |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        return BigInt.asUintN(64, bits);
      }
    }
    throw malformed("varint of more than ten bytes", this.pos);
  }

  #skipVarint(): this {
    for (let count = 0; count < 10; count++) {
      if (this.#byte() < 128) {
        return this;
      }
    }
    throw malformed("varint of more than ten bytes", this.pos);
  }

  #byte(): number {
    if (this.pos >= this.len) {
      throw malformed("truncated", this.pos);
    }
    return this.buf[this.pos++]!;
  }

  #advance(byteCount: number): this {
    if (byteCount > this.len - this.pos) {
      throw malformed("truncated", this.pos);
    }
    this.pos += byteCount;
    return this;
  }
}

function toInteger(value: Integer64): number {
  const number = typeof value === "number" ? value : Number(value);
  if (!Number.isSafeInteger(number)) {
    throw outOfRange(number);
  }
  return number;
}

function exact(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw outOfRange(value);
  }
  return number;
}

function malformed(reason: string, offset: number): CodecError {
  return new CodecError({ code: "DT_CODEC_MESSAGE", reason, offset });
}
