import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter as PlainWriter } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { type BinaryWriter, ByteWriter, decodeMessage, encodeMessage } from "@dt/codec";
import { sample } from "../sample-arbitrary.ts";
import { Older, Sample } from "../src/gen/sample.ts";

const protoFile = new URL("../../../test/proto/sample.proto", import.meta.url);
const { root } = protobuf.parse(readFileSync(protoFile, "utf8"));
const reflected = root.lookupType("dt.codec.test.Sample");

/** The second witness shares no code with ours: it works from what the proto compiler made. */
const descriptorFile = new URL("../../../test/src/gen/sample.binpb", import.meta.url);
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(descriptorFile)),
);
const described = registry.getMessage("dt.codec.test.Sample");

function encode(message: Sample): Buffer {
  const writer = new ByteWriter();
  encodeMessage(writer, Sample, message);
  return writer.buf.subarray(0, writer.pos);
}

function decode(bytes: Uint8Array): Sample {
  const buf = Buffer.from(bytes);
  return decodeMessage(Sample, buf, 0, buf.length);
}

describe("a random message of every field kind", () => {
  it("comes back equal", () => {
    fc.assert(
      fc.property(sample, (message) => {
        expect(decode(encode(message))).toEqual(message);
      }),
    );
  });

  it("has the bytes that the generator's own runtime writes", () => {
    fc.assert(
      fc.property(sample, (message) => {
        const expected = Sample.encode(message, new PlainWriter() as unknown as BinaryWriter);
        expect(encode(message).equals(expected.finish())).toBe(true);
      }),
    );
  });

  it("is understood by protobufjs reflection, in both directions", () => {
    fc.assert(
      fc.property(sample, (message) => {
        const theirs = reflected.decode(encode(message));
        expect(decode(reflected.encode(theirs).finish())).toEqual(message);
      }),
    );
  });

  it("is understood by the descriptor-driven runtime, in both directions", () => {
    if (described === undefined) {
      throw new Error("the descriptor has no Sample");
    }
    fc.assert(
      fc.property(sample, (message) => {
        const theirs = fromBinary(described, encode(message));
        expect(theirs.$unknown).toBe(undefined);
        expect(decode(toBinary(described, theirs))).toEqual(message);
      }),
    );
    expect(toBinary(described, create(described))).toHaveLength(0);
  });

  it("can be a codec of protobufjs as it is", () => {
    fc.assert(
      fc.property(sample, (message) => {
        const writer = new ByteWriter(16);
        encodeMessage(writer, reflected, reflected.fromObject(message));
        expect(decode(writer.buf.subarray(0, writer.pos))).toEqual(message);
        const theirs = decodeMessage(reflected, writer.buf, 0, writer.pos);
        expect(decode(reflected.encode(theirs).finish())).toEqual(message);
      }),
    );
  });

  it("is read by a peer that knows only some of its fields", () => {
    fc.assert(
      fc.property(sample, (message) => {
        const buf = encode(message);
        expect(decodeMessage(Older, buf, 0, buf.length)).toEqual({
          aUint32: message.aUint32,
          leaf: message.leaf,
        });
      }),
    );
  });

  it("is encoded behind what the writer holds already, whatever the writer's size", () => {
    fc.assert(
      fc.property(sample, fc.nat({ max: 300 }), fc.nat({ max: 50 }), (message, size, before) => {
        const writer = new ByteWriter(size);
        writer.bytes(Buffer.alloc(before, 0xee));
        encodeMessage(writer, Sample, message);
        expect(writer.buf.subarray(0, before)).toEqual(Buffer.alloc(before, 0xee));
        expect(decodeMessage(Sample, writer.buf, before, writer.pos)).toEqual(message);
      }),
    );
  });
});
