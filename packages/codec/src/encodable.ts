import { ByteWriter } from "./byte-writer.ts";
import { type MessageCodec, encodeMessage } from "./message-codec.ts";

/**
 * An outgoing body that can be written in parts, so that one larger than a send buffer never exists
 * as a whole. It keeps no position of its own: the caller does, and may send the same body to
 * several receivers.
 */
export interface Encodable {
  /** Bytes of the whole encoding. It stays the same while the body is being sent. */
  encodedLength(): number;
  /**
   * Appends bytes of the encoding from `offset` on, at most `maxBytes`, and returns how many: 0
   * only when `offset` is the encoded length or `maxBytes` is 0.
   */
  encodeTo(writer: ByteWriter, offset: number, maxBytes: number): number;
}

/** A body that is bytes already. They must not change until it is sent. */
export class BytesBody implements Encodable {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  encodedLength(): number {
    return this.#bytes.length;
  }

  encodeTo(writer: ByteWriter, offset: number, maxBytes: number): number {
    const count = Math.min(maxBytes, this.#bytes.length - offset);
    writer.range(this.#bytes, offset, offset + count);
    return count;
  }
}

/** A body that is a message. It is encoded once, when its length is first needed. */
export class MessageBody<T> implements Encodable {
  readonly #codec: MessageCodec<T>;
  readonly #message: T;
  #encoded: BytesBody | null = null;

  constructor(codec: MessageCodec<T>, message: T) {
    this.#codec = codec;
    this.#message = message;
  }

  encodedLength(): number {
    return this.#encode().encodedLength();
  }

  encodeTo(writer: ByteWriter, offset: number, maxBytes: number): number {
    return this.#encode().encodeTo(writer, offset, maxBytes);
  }

  #encode(): BytesBody {
    if (this.#encoded === null) {
      const writer = new ByteWriter();
      encodeMessage(writer, this.#codec, this.#message);
      this.#encoded = new BytesBody(writer.buf.subarray(0, writer.pos));
    }
    return this.#encoded;
  }
}

/** Bodies one after the other, such as a header message and the bytes it describes. */
export class SequenceBody implements Encodable {
  readonly #parts: readonly Encodable[];

  constructor(parts: readonly Encodable[]) {
    this.#parts = parts;
  }

  encodedLength(): number {
    let length = 0;
    for (const part of this.#parts) {
      length += part.encodedLength();
    }
    return length;
  }

  encodeTo(writer: ByteWriter, offset: number, maxBytes: number): number {
    let skip = offset;
    let written = 0;
    for (const part of this.#parts) {
      const length = part.encodedLength();
      while (skip < length && written < maxBytes) {
        const count = part.encodeTo(writer, skip, maxBytes - written);
        skip += count;
        written += count;
      }
      skip -= length;
      if (written === maxBytes) {
        break;
      }
    }
    return written;
  }
}
