// Hot path: per field. Bench: bench/message.bench.ts.
//
// Built on protobufjs, because its writer appends to one flat buffer and so can append to ours;
// ts-proto's code expects another writer's names. Three members used here are not in protobufjs'
// public types: `_reserve`, which every write of the base calls before it touches the buffer,
// `view`, which the base caches for `buf`, and `states`, the open forks. The version is pinned, and
// binary-writer.test.ts fails when one of them changes.
import protobuf from "protobufjs/minimal.js";
import type { ByteWriter } from "./byte-writer.ts";
import { CodecError } from "./errors.ts";
import { TWO_32, outOfRange } from "./uint64.ts";
import { utf8Length, writeUtf8 } from "./utf8.ts";

/** What an integer field may be given as: generated code passes the keys of maps as strings. */
type Integer = number | string | { toString(): string };

/**
 * Up to this many characters the length of a string takes one byte, whatever the characters are.
 */
const SHORT_CHARS = 42;
const NOTHING: Buffer = Buffer.alloc(0);

interface WriterBase {
  buf: Buffer;
  pos: number;
  view: DataView | null;
  states: number[] | null;
  _reserve(byteCount: number): void;
  uint32(value: Integer): this;
  int32(value: Integer): this;
  sint32(value: Integer): this;
  fixed32(value: Integer): this;
  sfixed32(value: Integer): this;
  uint64(value: Integer): this;
  int64(value: Integer): this;
  sint64(value: Integer): this;
  fixed64(value: Integer): this;
  sfixed64(value: Integer): this;
  float(value: number): this;
  double(value: number): this;
  bool(value: boolean): this;
  string(value: string): this;
  bytes(value: Uint8Array): this;
  fork(): this;
  ldelim(): this;
  finish(): Uint8Array;
}

const WriterBase = protobuf.BufferWriter as unknown as new () => WriterBase;

/**
 * What generated `encode` functions write to: memory of its own, or a ByteWriter after `attach`.
 * Integers that their field cannot hold are refused with DT_CODEC_INT32_RANGE and
 * DT_CODEC_UINT64_RANGE.
 */
export class BinaryWriter extends WriterBase {
  #target: ByteWriter | null = null;

  /**
   * Goes on where `target` stands and lets it grow its own buffer. Its `pos` is the caller's to set
   * afterwards.
   */
  attach(target: ByteWriter): void {
    this.#target = target;
    this.buf = target.buf;
    this.pos = target.pos;
    this.view = null;
  }

  detach(): void {
    this.#target = null;
    this.buf = NOTHING;
    this.pos = 0;
    this.view = null;
    if (this.states !== null && this.states.length > 0) {
      // An encoder that threw left its forks open.
      this.states.length = 0;
    }
  }

  /** Ends what `fork` began. */
  join(): this {
    return this.ldelim();
  }

  override _reserve(byteCount: number): void {
    if (this.buf.length - this.pos < byteCount) {
      this.#grow(byteCount);
    }
  }

  override uint32(value: Integer): this {
    this._reserve(5);
    const buf = this.buf;
    let pos = this.pos;
    let rest = toUint32(value);
    while (rest > 127) {
      buf[pos++] = rest | 128;
      rest >>>= 7;
    }
    buf[pos] = rest;
    this.pos = pos + 1;
    return this;
  }

  override int32(value: Integer): this {
    const number = toInt32(value);
    return number >= 0 ? this.uint32(number) : this.#varint(number >>> 0, 0xffff_ffff);
  }

  override sint32(value: Integer): this {
    const number = toInt32(value);
    return this.uint32(((number << 1) ^ (number >> 31)) >>> 0);
  }

  override fixed32(value: Integer): this {
    return super.fixed32(toUint32(value));
  }

  override sfixed32(value: Integer): this {
    return super.sfixed32(toInt32(value));
  }

  override uint64(value: Integer): this {
    const number = toUnsigned(value);
    return number < TWO_32
      ? this.uint32(number)
      : this.#varint(number >>> 0, Math.floor(number / TWO_32));
  }

  override int64(value: Integer): this {
    const number = toSigned(value);
    return number >= 0 && number < TWO_32
      ? this.uint32(number)
      : this.#varint(number >>> 0, Math.floor(number / TWO_32) >>> 0);
  }

  override sint64(value: Integer): this {
    const number = toSigned(value);
    const sign = number < 0 ? 1 : 0;
    const magnitude = number < 0 ? -(number + 1) : number;
    // Twice the magnitude may need 54 bits, so it is doubled in halves.
    const low = magnitude >>> 0;
    const high = Math.floor(magnitude / TWO_32);
    return this.#varint(((low << 1) | sign) >>> 0, ((high << 1) | (low >>> 31)) >>> 0);
  }

  override fixed64(value: Integer): this {
    const number = toUnsigned(value);
    return super.fixed32(number >>> 0).fixed32(Math.floor(number / TWO_32));
  }

  override sfixed64(value: Integer): this {
    const number = toSigned(value);
    return super.fixed32(number >>> 0).fixed32(Math.floor(number / TWO_32) >>> 0);
  }

  /** Throws DT_CODEC_UTF8 for a lone surrogate. */
  override string(value: string): this {
    if (value.length <= SHORT_CHARS) {
      this._reserve(1 + value.length * 3);
      const start = this.pos + 1;
      const end = writeUtf8(this.buf, start, value);
      this.buf[start - 1] = end - start;
      this.pos = end;
      return this;
    }
    const byteCount = utf8Length(value);
    this.uint32(byteCount);
    this._reserve(byteCount);
    this.pos = writeUtf8(this.buf, this.pos, value);
    return this;
  }

  /** The varint of the 64 bits whose unsigned halves are given. */
  #varint(low: number, high: number): this {
    this._reserve(10);
    const buf = this.buf;
    let pos = this.pos;
    let lowRest = low;
    let highRest = high;
    while (highRest !== 0) {
      buf[pos++] = lowRest | 128;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    while (lowRest > 127) {
      buf[pos++] = lowRest | 128;
      lowRest >>>= 7;
    }
    buf[pos] = lowRest;
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

function toUint32(value: Integer): number {
  const number = typeof value === "number" ? value : Number(value);
  if (number >>> 0 !== number) {
    throw new CodecError({ code: "DT_CODEC_INT32_RANGE", value: number });
  }
  return number;
}

function toInt32(value: Integer): number {
  const number = typeof value === "number" ? value : Number(value);
  if ((number | 0) !== number) {
    throw new CodecError({ code: "DT_CODEC_INT32_RANGE", value: number });
  }
  return number;
}

function toSigned(value: Integer): number {
  const number = typeof value === "number" ? value : Number(value);
  if (!Number.isSafeInteger(number)) {
    throw outOfRange(number);
  }
  return number;
}

function toUnsigned(value: Integer): number {
  const number = toSigned(value);
  if (number < 0) {
    throw outOfRange(number);
  }
  return number;
}
