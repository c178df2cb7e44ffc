import { describe, expect, it } from "vitest";
import { Leaf } from "../test/src/gen/sample.ts";
import { ByteWriter } from "./byte-writer.ts";
import { BytesBody, type Encodable, MessageBody, SequenceBody } from "./encodable.ts";
import { decodeMessage } from "./message-codec.ts";

/** Sends a body through one small buffer, `partBytes` at a time. */
function sendInParts(body: Encodable, partBytes: number): Buffer {
  const writer = new ByteWriter(partBytes, partBytes);
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset < body.encodedLength()) {
    writer.reset();
    const count = body.encodeTo(writer, offset, partBytes);
    expect(count).toBe(writer.pos);
    expect(count).toBe(Math.min(partBytes, body.encodedLength() - offset));
    parts.push(Buffer.from(writer.buf.subarray(0, writer.pos)));
    offset += count;
  }
  return Buffer.concat(parts);
}

const bytes = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz".repeat(5));
const message: Leaf = { id: 77, name: "a name that takes a few bytes" };

describe("a body", () => {
  it("of bytes is the same in parts of any size", () => {
    for (let partBytes = 1; partBytes <= bytes.length + 1; partBytes++) {
      expect(sendInParts(new BytesBody(bytes), partBytes)).toEqual(bytes);
    }
  });

  it("of a message is the same in parts of any size", () => {
    const encoded = Buffer.from(Leaf.encode(message).finish());
    for (let partBytes = 1; partBytes <= encoded.length + 1; partBytes++) {
      const body = new MessageBody(Leaf, message);
      expect(body.encodedLength()).toBe(encoded.length);
      const sent = sendInParts(body, partBytes);
      expect(decodeMessage(Leaf, sent, 0, sent.length)).toEqual(message);
    }
  });

  it("of several is their concatenation in parts of any size, empty ones included", () => {
    const encoded = Buffer.from(Leaf.encode(message).finish());
    const none = new BytesBody(new Uint8Array(0));
    const sequence = new SequenceBody([
      none,
      new MessageBody(Leaf, message),
      none,
      new SequenceBody([new BytesBody(bytes.subarray(0, 3)), new BytesBody(bytes.subarray(3))]),
      none,
    ]);
    const expected = Buffer.concat([encoded, bytes]);
    expect(sequence.encodedLength()).toBe(expected.length);
    for (let partBytes = 1; partBytes <= expected.length + 1; partBytes += 3) {
      expect(sendInParts(sequence, partBytes)).toEqual(expected);
    }
  });

  it("writes nothing at its end or without room", () => {
    const writer = new ByteWriter();
    const body = new SequenceBody([new BytesBody(bytes)]);
    expect(body.encodeTo(writer, bytes.length, 10)).toBe(0);
    expect(body.encodeTo(writer, 0, 0)).toBe(0);
    expect(writer.pos).toBe(0);
  });

  it("can be sent twice", () => {
    const body = new SequenceBody([new BytesBody(bytes)]);
    expect(sendInParts(body, 7)).toEqual(sendInParts(body, 50));
  });
});
