// What does a generated message cost here, and on the runtime that its generator assumes?
import { BinaryWriter as PlainWriter } from "@bufbuild/protobuf/wire";
import {
  BinaryReader,
  type BinaryWriter,
  ByteWriter,
  decodeMessage,
  encodeMessage,
} from "@dt/codec";
import { Leaf, Older, Sample } from "../test/src/gen/sample.ts";
import { heading, measure } from "./measure.ts";

const message = Sample.fromPartial({
  aUint64: 2 ** 40 + 7,
  aUint32: 300,
  aString: "a key of 20 letters!",
  aBytes: Buffer.alloc(128, 1),
  aSint32: -5,
  aBool: true,
});
const leaf: Leaf = { id: 2 ** 33, name: "127.0.0.1" };
const writer = new ByteWriter(1 << 16);
encodeMessage(writer, Sample, message);
const buf = Buffer.from(writer.buf.subarray(0, writer.pos));
writer.reset();
encodeMessage(writer, Leaf, leaf);
const leafBuf = Buffer.from(writer.buf.subarray(0, writer.pos));

function encode(count: number, run: () => void): number {
  for (let at = 0; at < count; at++) {
    if (writer.pos > 1 << 15) {
      writer.reset();
    }
    run();
  }
  return writer.pos;
}

heading("messages");
measure("encode 2 fields: encodeMessage", (count) =>
  encode(count, () => encodeMessage(writer, Leaf, leaf)),
);
measure("encode 6 of 38 fields: encodeMessage", (count) =>
  encode(count, () => encodeMessage(writer, Sample, message)),
);
measure("encode 6 of 38 fields: finish()", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += Sample.encode(message).finish().length;
  }
  return sum;
});
measure("encode 6 of 38 fields: @bufbuild/protobuf", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    const plain = new PlainWriter() as unknown as BinaryWriter;
    sum += Sample.encode(message, plain).finish().length;
  }
  return sum;
});
measure("decode 2 fields: decodeMessage", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += decodeMessage(Leaf, leafBuf, 0, leafBuf.length).id & 1;
  }
  return sum;
});
measure("decode 6 of 38 fields: decodeMessage", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += decodeMessage(Sample, buf, 0, buf.length).aUint32;
  }
  return sum;
});
measure("decode 6 of 38 fields: decode(bytes)", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += Sample.decode(buf).aUint32;
  }
  return sum;
});
measure("skip 5 unknown fields: decodeMessage", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += decodeMessage(Older, buf, 0, buf.length).aUint32;
  }
  return sum;
});
const reader = new BinaryReader(buf);
measure("make a BinaryReader", (count) => {
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += new BinaryReader(buf).len;
  }
  return sum + reader.len;
});
