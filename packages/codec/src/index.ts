export { ByteReader } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
export { crc32 } from "./crc32.ts";
export { BytesBody, MessageBody, SequenceBody } from "./encodable.ts";
export type { Encodable } from "./encodable.ts";
export { CodecError } from "./errors.ts";
export type { CodecFault } from "./errors.ts";
export { FrameDecoder, resolveFrameDecoderOptions } from "./frame-decoder.ts";
export type { FrameDecoderOptions, FrameSink } from "./frame-decoder.ts";
export { decodeMessage, encodeMessage } from "./message-codec.ts";
export type { MessageCodec } from "./message-codec.ts";
export { MessageRegistry } from "./message-registry.ts";
export { PbParser } from "./pb-parser.ts";
export type { PbSink } from "./pb-sink.ts";
export { SLAB_POOL_DEFAULTS, SlabPool, resolveSlabPoolOptions } from "./slab-pool.ts";
export type { SlabPoolOptions } from "./slab-pool.ts";
export { joinInt64, joinSint64, joinUint64, readUint64, writeUint64 } from "./uint64.ts";
export { isValidUtf8, readUtf8, utf8Length, writeUtf8 } from "./utf8.ts";
export { MAX_VARINT_BYTES, varintLength, writeVarint } from "./varint.ts";

// For generated message code.
export { BinaryReader, EMPTY } from "./binary-reader.ts";
export { BinaryWriter } from "./binary-writer.ts";
