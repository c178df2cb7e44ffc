import { decodeMessage, encodeMessage } from "@dt/codec";
import type { ByteWriter, MessageCodec } from "@dt/codec";

/** A message with its codec: the argument of `encodeTyped`. */
export class TypedMessage {
  readonly codec: MessageCodec<unknown>;
  readonly message: unknown;

  constructor(codec: MessageCodec<unknown>, message: unknown) {
    this.codec = codec;
    this.message = message;
  }
}

export function encodeTyped(writer: ByteWriter, typed: TypedMessage): void {
  encodeMessage(writer, typed.codec, typed.message);
}

/**
 * Decodes a message that its receiver may keep: its bytes fields are views of a copy. Throws
 * DT_CODEC_MESSAGE.
 */
export function decodeTyped(
  codec: MessageCodec<unknown>,
  body: Buffer,
  start: number,
  end: number,
): unknown {
  const copy = Buffer.from(body.subarray(start, end));
  return decodeMessage(codec, copy, 0, copy.length);
}
