export { ByteReader } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
export { crc32 } from "./crc32.ts";
export { CodecError } from "./errors.ts";
export type { CodecFault } from "./errors.ts";
export { FrameDecoder } from "./frame-decoder.ts";
export type { FrameDecoderOptions, FrameSink } from "./frame-decoder.ts";
export { decodeMessage, encodeMessage } from "./message-codec.ts";
export type { MessageCodec } from "./message-codec.ts";
export { readUint64, writeUint64 } from "./uint64.ts";
export { isValidUtf8, readUtf8, utf8Length, writeUtf8 } from "./utf8.ts";
export { MAX_VARINT_BYTES, varintLength, writeVarint } from "./varint.ts";
// For generated message code.
export { BinaryReader, BinaryWriter, EMPTY } from "./protobuf-wire.ts";
