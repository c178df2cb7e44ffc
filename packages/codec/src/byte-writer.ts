// Hot path: per field. Bench: bench/fields.bench.ts. No closures, no allocation but growth.
import { CodecError } from "./errors.ts";
import { checkSigned, checkUnsigned, writeUint64 } from "./uint64.ts";
import { utf8Length, writeUtf8 } from "./utf8.ts";
import { MAX_VARINT_BYTES, varintLength, writeVarint } from "./varint.ts";

const INITIAL_BYTES = 256;
const MAX_BYTES = 0x7fff_ffff;
/** Up to this many bytes a loop costs less than a native copy. */
const LOOP_MAX_BYTES = 32;
/**
 * Up to this many characters the length of a string takes one byte, whatever the characters are.
 */
const SHORT_CHARS = 42;

/**
 * Appends big-endian fields to one growing buffer.
 *
 * `buf` and `pos` are public so that hot code can call `ensure(n)` and write n raw bytes itself.
 * Growth swaps `buf` for a larger one: read it again after every call that may grow. Fixed integers
 * keep their low bits, as a typed array does; 64-bit integers and varints are refused outside
 * 0..2^53-1.
 */
export class ByteWriter {
  buf: Buffer;
  pos: number;
  readonly maxBytes: number;

  /** Beyond `maxBytes` a write throws DT_CODEC_WRITER_FULL and leaves the writer as it was. */
  constructor(initialBytes: number = INITIAL_BYTES, maxBytes: number = MAX_BYTES) {
    this.buf = Buffer.allocUnsafeSlow(initialBytes);
    this.pos = 0;
    this.maxBytes = maxBytes;
  }

  /** After it, `byteCount` bytes may be written at `pos` without a further check. */
  ensure(byteCount: number): void {
    if (this.buf.length - this.pos < byteCount) {
      this.#grow(byteCount);
    }
  }

  u8(value: number): void {
    const pos = this.pos;
    if (pos >= this.buf.length) {
      this.#grow(1);
    }
    this.buf[pos] = value;
    this.pos = pos + 1;
  }

  u16(value: number): void {
    this.ensure(2);
    const { buf, pos } = this;
    buf[pos] = value >>> 8;
    buf[pos + 1] = value;
    this.pos = pos + 2;
  }

  u32(value: number): void {
    this.ensure(4);
    const { buf, pos } = this;
    buf[pos] = value >>> 24;
    buf[pos + 1] = value >>> 16;
    buf[pos + 2] = value >>> 8;
    buf[pos + 3] = value;
    this.pos = pos + 4;
  }

  u64(value: number): void {
    this.ensure(8);
    writeUint64(this.buf, this.pos, value);
    this.pos += 8;
  }

  varint(value: number): void {
    if ((value & 127) === value) {
      this.u8(value);
      return;
    }
    checkUnsigned(value);
    if (this.buf.length - this.pos < MAX_VARINT_BYTES) {
      this.ensure(varintLength(value));
    }
    this.pos = writeVarint(this.buf, this.pos, value);
  }

  /** Signed integers as protobuf's sint64 has them: 0, -1, 1, -2, ... */
  zigzag(value: number): void {
    checkSigned(value);
    // Doubling could leave the exact range, so the lowest six bits and the sign go first, the rest
    // follows.
    const sign = value < 0 ? 1 : 0;
    const magnitude = value < 0 ? -(value + 1) : value;
    const first = ((magnitude & 63) << 1) | sign;
    const rest = Math.floor(magnitude / 64);
    if (rest === 0) {
      this.u8(first);
      return;
    }
    if (this.buf.length - this.pos < MAX_VARINT_BYTES) {
      this.ensure(1 + varintLength(rest));
    }
    this.buf[this.pos] = first | 128;
    this.pos = writeVarint(this.buf, this.pos + 1, rest);
  }

  /** Copies all of `source`, without a length before it. */
  bytes(source: Uint8Array): void {
    const length = source.length;
    this.ensure(length);
    this.buf.set(source, this.pos);
    this.pos += length;
  }

  /** Copies source[start, end), without a length before it. Throws a RangeError beyond `source`. */
  range(source: Buffer, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= source.length)) {
      throw new RangeError(`no range [${start}, ${end}) in ${source.length} bytes`);
    }
    const length = end - start;
    this.ensure(length);
    if (length > LOOP_MAX_BYTES) {
      source.copy(this.buf, this.pos, start, end);
    } else {
      const buf = this.buf;
      for (let from = start, to = this.pos; from < end; from++, to++) {
        buf[to] = source[from]!;
      }
    }
    this.pos += length;
  }

  /**
   * Writes `text` as UTF-8, without a length before it. Throws DT_CODEC_UTF8 for a lone surrogate.
   */
  utf8(text: string): void {
    if (this.buf.length - this.pos < text.length * 3) {
      this.ensure(utf8Length(text));
    }
    this.pos = writeUtf8(this.buf, this.pos, text);
  }

  /** Varint length in bytes, then the text as UTF-8. */
  lenUtf8(text: string): void {
    const start = this.pos + 1;
    if (text.length > SHORT_CHARS || this.buf.length - start < text.length * 3) {
      const byteCount = utf8Length(text);
      this.ensure(varintLength(byteCount) + byteCount);
      this.pos = writeUtf8(this.buf, writeVarint(this.buf, this.pos, byteCount), text);
      return;
    }
    const end = writeUtf8(this.buf, start, text);
    this.buf[start - 1] = end - start;
    this.pos = end;
  }

  /** Varint length, then the bytes. */
  lenBytes(source: Uint8Array): void {
    const length = source.length;
    this.ensure(varintLength(length) + length);
    const start = writeVarint(this.buf, this.pos, length);
    this.buf.set(source, start);
    this.pos = start + length;
  }

  /** Starts again at position 0; the buffer is kept. */
  reset(): void {
    this.pos = 0;
  }

  #grow(byteCount: number): void {
    const neededBytes = this.pos + byteCount;
    if (neededBytes > this.maxBytes) {
      throw new CodecError({ code: "DT_CODEC_WRITER_FULL", neededBytes, maxBytes: this.maxBytes });
    }
    const doubled = Math.min(this.buf.length * 2, this.maxBytes);
    const grown = Buffer.allocUnsafeSlow(Math.max(doubled, neededBytes));
    grown.set(this.buf.subarray(0, this.pos));
    this.buf = grown;
  }
}
