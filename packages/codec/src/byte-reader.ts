// Hot path: per field. Bench: bench/fields.bench.ts. No closures, no allocation but views and
// strings.
import { CodecError } from "./errors.ts";
import { outOfRange, readUint64 } from "./uint64.ts";
import { readUtf8 } from "./utf8.ts";

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Reads big-endian fields of buf[pos, end). Every read checks the bounds first and throws
 * DT_CODEC_TRUNCATED beyond them. One reader serves many buffers: `attach` starts on the next.
 */
export class ByteReader {
  buf: Buffer = NOTHING;
  pos = 0;
  end = 0;

  attach(buf: Buffer, start: number, end: number): this {
    if (!(start >= 0 && start <= end && end <= buf.length)) {
      throw new RangeError(`no range [${start}, ${end}) in a buffer of ${buf.length} bytes`);
    }
    this.buf = buf;
    this.pos = start;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  u8(): number {
    const pos = this.pos;
    if (pos >= this.end) {
      throw this.#truncated(1);
    }
    this.pos = pos + 1;
    return this.buf[pos]!;
  }

  u16(): number {
    const pos = this.#take(2);
    const buf = this.buf;
    return (buf[pos]! << 8) | buf[pos + 1]!;
  }

  u32(): number {
    const pos = this.#take(4);
    const buf = this.buf;
    return ((buf[pos]! << 24) | (buf[pos + 1]! << 16) | (buf[pos + 2]! << 8) | buf[pos + 3]!) >>> 0;
  }

  /** Throws DT_CODEC_UINT64_RANGE above 2^53-1. */
  u64(): number {
    return readUint64(this.buf, this.#take(8));
  }

  /** Throws DT_CODEC_VARINT when no byte of the ten ends it, DT_CODEC_UINT64_RANGE above 2^53-1. */
  varint(): number {
    const first = this.u8();
    return first < 128 ? first : this.#longVarint(first & 127, 128);
  }

  zigzag(): number {
    const first = this.u8();
    const low = (first & 127) >> 1;
    const magnitude = first < 128 ? low : this.#longVarint(low, 64);
    const value = (first & 1) === 0 ? magnitude : -magnitude - 1;
    if (!Number.isSafeInteger(value)) {
      throw outOfRange(value);
    }
    return value;
  }

  /**
   * A view of the next `byteCount` bytes: it lives and changes with the buffer, copy it to keep it.
   */
  view(byteCount: number): Buffer {
    const pos = this.#take(byteCount);
    return this.buf.subarray(pos, pos + byteCount);
  }

  /** Throws DT_CODEC_UTF8 for an ill-formed sequence. */
  utf8(byteCount: number): string {
    const pos = this.#take(byteCount);
    return readUtf8(this.buf, pos, pos + byteCount);
  }

  skip(byteCount: number): void {
    this.#take(byteCount);
  }

  /** Throws DT_CODEC_TRAILING_BYTES unless everything has been read. */
  expectEnd(): void {
    if (this.pos !== this.end) {
      throw new CodecError({ code: "DT_CODEC_TRAILING_BYTES", leftBytes: this.end - this.pos });
    }
  }

  #take(byteCount: number): number {
    const pos = this.pos;
    // Written so that a negative count or NaN is refused as well.
    if (!(byteCount >= 0 && byteCount <= this.end - pos)) {
      throw this.#truncated(byteCount);
    }
    this.pos = pos + byteCount;
    return pos;
  }

  #longVarint(low: number, firstScale: number): number {
    const start = this.pos - 1;
    let value = low;
    let scale = firstScale;
    for (let count = 1; count < 10; count++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) {
          throw outOfRange(value);
        }
        return value;
      }
    }
    throw new CodecError({ code: "DT_CODEC_VARINT", offset: start });
  }

  #truncated(wantedBytes: number): CodecError {
    return new CodecError({
      code: "DT_CODEC_TRUNCATED",
      wantedBytes,
      leftBytes: this.end - this.pos,
    });
  }
}
