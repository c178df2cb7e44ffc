import type { ByteWriter } from "./byte-writer.ts";
import { CodecError } from "./errors.ts";
import { type MessageCodec, decodeMessage, encodeMessage } from "./message-codec.ts";

/** Type numbers are small, so that they index an array and fit into two bytes of a header. */
const MAX_TYPE = 0xffff;

/** Maps the type number that travels with a message to the codec of the message. */
export class MessageRegistry {
  readonly #codecs: (MessageCodec<unknown> | null)[] = [];

  /** Throws a RangeError for a number that is taken or outside 0..65535. */
  register<T>(type: number, codec: MessageCodec<T>): this {
    if (!Number.isInteger(type) || type < 0 || type > MAX_TYPE) {
      throw new RangeError(`message type ${type} is not in 0..${MAX_TYPE}`);
    }
    if (this.has(type)) {
      throw new RangeError(`message type ${type} is registered already`);
    }
    while (this.#codecs.length <= type) {
      this.#codecs.push(null);
    }
    this.#codecs[type] = codec;
    return this;
  }

  has(type: number): boolean {
    return (this.#codecs[type] ?? null) !== null;
  }

  /** Throws DT_CODEC_MESSAGE_TYPE for a number that is not registered. */
  codec(type: number): MessageCodec<unknown> {
    const codec = this.#codecs[type] ?? null;
    if (codec === null) {
      throw new CodecError({ code: "DT_CODEC_MESSAGE_TYPE", type });
    }
    return codec;
  }

  encode(writer: ByteWriter, type: number, message: unknown): void {
    encodeMessage(writer, this.codec(type), message);
  }

  /** Decodes as `decodeMessage` does: bytes fields are views of `buf`. */
  decode(type: number, buf: Buffer, start: number, end: number): unknown {
    return decodeMessage(this.codec(type), buf, start, end);
  }
}
