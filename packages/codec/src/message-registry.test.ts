import { describe, expect, it } from "vitest";
import { codeOf } from "../test/code-of.ts";
import { Leaf, Older } from "../test/src/gen/sample.ts";
import { ByteWriter } from "./byte-writer.ts";
import { MessageRegistry } from "./message-registry.ts";

describe("MessageRegistry", () => {
  it("encodes and decodes by type number", () => {
    const registry = new MessageRegistry().register(7, Leaf).register(0, Older);
    const writer = new ByteWriter();
    registry.encode(writer, 7, { id: 5, name: "five" });
    expect(registry.decode(7, writer.buf, 0, writer.pos)).toEqual({ id: 5, name: "five" });
    expect([registry.has(0), registry.has(7), registry.has(1), registry.has(8)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("refuses type numbers that it does not know", () => {
    const registry = new MessageRegistry().register(7, Leaf);
    for (const type of [0, 8, 65_536, -1, 0.5]) {
      expect(codeOf(() => registry.codec(type))).toBe("DT_CODEC_MESSAGE_TYPE");
      expect(codeOf(() => registry.decode(type, Buffer.alloc(0), 0, 0))).toBe(
        "DT_CODEC_MESSAGE_TYPE",
      );
      expect(codeOf(() => registry.encode(new ByteWriter(), type, {}))).toBe(
        "DT_CODEC_MESSAGE_TYPE",
      );
    }
  });

  it("registers each number once, in 0..65535", () => {
    const registry = new MessageRegistry().register(65_535, Leaf);
    for (const type of [65_535, 65_536, -1, 1.5, Number.NaN]) {
      expect(() => registry.register(type, Older)).toThrow(RangeError);
    }
    expect(registry.codec(65_535)).toBe(Leaf);
  });
});
