// Hot path: per message. Bench: bench/message.bench.ts.
import { BinaryReader, EMPTY } from "./binary-reader.ts";
import { BinaryWriter } from "./binary-writer.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { CodecError } from "./errors.ts";

/**
 * Turns messages of one type into bytes and back. The message objects that ts-proto generates and
 * the types of protobufjs are codecs as they are.
 *
 * These take more than the interface says, and are given it: `encode` a second argument to write
 * to, `decode` a reader instead of bytes. A codec written by hand declares one parameter each, and
 * is then called with a message and with bytes alone.
 */
export interface MessageCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  /** Bytes fields of the result may be views of `bytes`. */
  decode(bytes: Uint8Array): T;
}

/** What generated code and protobufjs have in common: `decode` takes a reader and a length. */
interface WireCodec<T> {
  encode(message: T, writer: BinaryWriter): { finish(): Uint8Array };
  decode(input: BinaryReader): T;
}

// One of each serves every call; a codec that calls back into these functions finds them taken and
// gets its own.
let idleWriter: BinaryWriter | null = new BinaryWriter();
let idleReader: BinaryReader | null = new BinaryReader(EMPTY);

/**
 * Appends the encoded message to `writer`, without a buffer in between. When the codec throws, the
 * writer stands where it stood before.
 */
export function encodeMessage<T>(writer: ByteWriter, codec: MessageCodec<T>, message: T): void {
  const wire = idleWriter ?? new BinaryWriter();
  idleWriter = null;
  const start = writer.pos;
  wire.attach(writer);
  try {
    const encoded = (codec as unknown as WireCodec<T>).encode(message, wire);
    writer.pos = wire.pos;
    if (encoded !== wire) {
      writer.pos = start;
      writer.bytes(encoded.finish());
    }
  } catch (error) {
    writer.pos = start;
    throw error;
  } finally {
    wire.detach();
    idleWriter = wire;
  }
}

/**
 * Decodes the message that is exactly buf[start, end). Its bytes fields are views of `buf`: copy
 * what outlives it. Throws DT_CODEC_MESSAGE, with the reason as `cause`, for anything that is not
 * such a message.
 */
export function decodeMessage<T>(
  codec: MessageCodec<T>,
  buf: Buffer,
  start: number,
  end: number,
): T {
  const wire = idleReader ?? new BinaryReader(EMPTY);
  idleReader = null;
  wire.attach(buf, start, end);
  try {
    if (codec.decode.length < 2) {
      return codec.decode(buf.subarray(start, end));
    }
    const message = (codec as unknown as WireCodec<T>).decode(wire);
    if (wire.pos !== end || wire.isTorn) {
      throw new RangeError("a message ends before its last byte");
    }
    return message;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const offset = wire.pos - start;
    throw new CodecError({ code: "DT_CODEC_MESSAGE", reason, offset }, { cause });
  } finally {
    wire.attach(EMPTY as Buffer, 0, 0);
    idleReader = wire;
  }
}
