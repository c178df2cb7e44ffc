import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { Leaf, Sample } from "../test/src/gen/sample.ts";
import { BinaryReader, EMPTY } from "./binary-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type MessageCodec, decodeMessage, encodeMessage } from "./message-codec.ts";

const leaf: Leaf = { id: 300, name: "x" };
const leafHex = "08ac02" + "120178";

/** A codec written by hand, on bytes alone. */
const plainText: MessageCodec<string> = {
  encode: (message) => ({ finish: () => Buffer.from(message) }),
  decode: (bytes) => Buffer.from(bytes).toString(),
};

function decodeHex(hex: string): unknown {
  const buf = Buffer.from(`ee${hex}ee`, "hex");
  return decodeMessage(Sample, buf, 1, buf.length - 1);
}

describe("encodeMessage", () => {
  it("appends to what the writer holds, growing it when needed", () => {
    for (const size of [1, 3, 8, 9, 100]) {
      const writer = new ByteWriter(size);
      writer.u8(0xee);
      encodeMessage(writer, Leaf, leaf);
      writer.u8(0xee);
      expect(writer.buf.toString("hex", 0, writer.pos)).toBe(`ee${leafHex}ee`);
    }
  });

  it("keeps to the limit of the writer and leaves it where it was", () => {
    const writer = new ByteWriter(4, 6);
    writer.u8(1);
    expect(codeOf(() => encodeMessage(writer, Leaf, leaf))).toBe("DT_CODEC_WRITER_FULL");
    expect(writer.pos).toBe(1);
  });

  it("leaves the writer where it was when a value has no encoding, deep inside too", () => {
    const bad = Sample.fromPartial({ child: { manyLeaf: [{ id: -1 }] } });
    const writer = new ByteWriter();
    writer.u8(1);
    expect(codeOf(() => encodeMessage(writer, Sample, bad))).toBe("DT_CODEC_UINT64_RANGE");
    expect(writer.pos).toBe(1);
    encodeMessage(writer, Leaf, leaf);
    expect(writer.buf.toString("hex", 1, writer.pos)).toBe(leafHex);
  });

  it("takes a codec written by hand", () => {
    const writer = new ByteWriter(1);
    writer.u8(0x2d);
    encodeMessage(writer, plainText, "by hand");
    expect(writer.buf.toString("latin1", 0, writer.pos)).toBe("-by hand");
    expect(decodeMessage(plainText, writer.buf, 1, writer.pos)).toBe("by hand");
  });

  it("may be called by a codec for a part of its message", () => {
    const wrapping: MessageCodec<Leaf> = {
      encode: (message) => {
        const inner = new ByteWriter();
        encodeMessage(inner, Leaf, message);
        return { finish: () => inner.buf.subarray(0, inner.pos) };
      },
      decode: (bytes) => decodeMessage(Leaf, Buffer.from(bytes), 0, bytes.length),
    };
    const writer = new ByteWriter();
    encodeMessage(writer, wrapping, leaf);
    expect(writer.buf.toString("hex", 0, writer.pos)).toBe(leafHex);
    expect(decodeMessage(wrapping, writer.buf, 0, writer.pos)).toEqual(leaf);
  });
});

describe("decodeMessage", () => {
  it("reads exactly its range", () => {
    expect(decodeHex("9202" + "00")).toMatchObject({ maybeUint64: undefined });
    expect(decodeHex("c202" + "06" + leafHex)).toMatchObject({ leaf });
  });

  it.each([
    ["a varint cut short", "0880"],
    ["a length beyond the message", "7205" + "61"],
    ["text that is no UTF-8", "7201ff"],
    ["a 64-bit number that is not exact", "20" + "ffffffffffffffffff01"],
    ["a group", "0b" + "0c"],
    ["the end of a group that never began", "0c0801"],
    ["field number 0", "000801"],
    ["a varint without end", "98" + "06" + "ff".repeat(12)],
    ["a nested message beyond the one around it", "ca02" + "04" + "c2020608" + "0108011201"],
    ["a nested message that ends in a group", "c202" + "03" + "0c0801"],
    ["a nested message that ends at field number 0", "c202" + "03" + "000801"],
    ["an unknown field cut short", "ba06" + "05" + "00"],
  ])("refuses %s with the reason as cause", (_, hex) => {
    expect(codeOf(() => decodeHex(hex))).toBe("DT_CODEC_MESSAGE");
    expect(() => decodeHex(hex)).toThrow(
      expect.objectContaining({ cause: expect.any(Error) as Error }),
    );
  });

  it("refuses a message that the codec did not read to its end", () => {
    const firstFieldOnly = {
      encode: () => ({ finish: () => EMPTY }),
      decode: (input: unknown, _length?: number) => {
        const reader = input as BinaryReader;
        return [reader.uint32(), reader.uint32()];
      },
    };
    const decode = (hex: string): unknown =>
      decodeMessage(firstFieldOnly, Buffer.from(hex, "hex"), 0, hex.length / 2);
    expect(decode("0801")).toEqual([8, 1]);
    expect(codeOf(() => decode("08011002"))).toBe("DT_CODEC_MESSAGE");
  });

  it("says where in the message it went wrong", () => {
    expect(() => decodeHex("0801" + "7201ff")).toThrow(
      expect.objectContaining({ fault: expect.objectContaining({ offset: 5 }) as object }),
    );
  });

  it("decodes correctly again after a refusal inside nested messages", () => {
    expect(codeOf(() => decodeHex("ca02" + "06" + "ca02" + "03" + "0c0801"))).toBe(
      "DT_CODEC_MESSAGE",
    );
    expect(decodeHex("c202" + "06" + leafHex)).toMatchObject({ leaf });
  });

  it("skips unknown fields of every wire type", () => {
    const unknown =
      "b806" + "9601" + "b906" + "00".repeat(8) + "ba06" + "0161" + "bd06" + "00".repeat(4);
    expect(decodeHex(unknown + "0807")).toMatchObject({ aUint32: 7 });
  });

  it("hands out bytes as views of the buffer", () => {
    const buf = Buffer.from("7a0161", "hex");
    const message = decodeMessage(Sample, buf, 0, buf.length);
    buf[2] = 0x62;
    expect(Buffer.from(message.aBytes).toString()).toBe("b");
  });

  it("confines the decode of a plain Uint8Array as well", () => {
    const array = new Uint8Array(Buffer.from(leafHex, "hex"));
    expect(Leaf.decode(array)).toEqual(leaf);
    expect(new BinaryReader(array).uint32()).toBe(8);
  });
});
