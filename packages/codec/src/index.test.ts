import { describe, expect, it } from "vitest";
import * as codec from "./index.ts";

describe("the entry point", () => {
  it("exports these names and no others", () => {
    expect(Object.keys(codec).sort()).toEqual([
      "BinaryReader",
      "BinaryWriter",
      "ByteReader",
      "ByteWriter",
      "BytesBody",
      "CodecError",
      "EMPTY",
      "FrameDecoder",
      "MAX_VARINT_BYTES",
      "MessageBody",
      "MessageRegistry",
      "PbParser",
      "SLAB_POOL_DEFAULTS",
      "SequenceBody",
      "SlabPool",
      "crc32",
      "decodeMessage",
      "encodeMessage",
      "isValidUtf8",
      "joinInt64",
      "joinSint64",
      "joinUint64",
      "readUint64",
      "readUtf8",
      "resolveFrameDecoderOptions",
      "resolveSlabPoolOptions",
      "utf8Length",
      "varintLength",
      "writeUint64",
      "writeUtf8",
      "writeVarint",
    ]);
  });
});
