import { describe, expect, it } from "vitest";

// Plain JavaScript outside of the build, because the build itself runs it.
const script = new URL("../../../gen/adapt-to-codec.mjs", import.meta.url);
const { adaptToCodec }: { adaptToCodec: (source: string, path: string) => string } = await import(
  script.href
);

const wire = 'import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";\n';

describe("adaptToCodec", () => {
  it("imports the reader and writer of the codec", () => {
    expect(adaptToCodec(`${wire}new BinaryReader(x); new BinaryWriter();\n`, "a.ts")).toBe(
      'import { BinaryReader, BinaryWriter } from "@dt/codec";\nnew BinaryReader(x); new BinaryWriter();\n',
    );
  });

  it("shares one empty array", () => {
    const source = `${wire}BinaryReader; BinaryWriter; f(new Uint8Array(0), new Uint8Array(0));\n`;
    expect(adaptToCodec(source, "a.ts")).toBe(
      'import { BinaryReader, BinaryWriter, EMPTY } from "@dt/codec";\n' +
        "BinaryReader; BinaryWriter; f(EMPTY, EMPTY);\n",
    );
  });

  it("takes numbers as they are", () => {
    expect(adaptToCodec("const n = globalThis.Number(int64.toString());\n", "a.ts")).toBe(
      "const n = globalThis.Number(int64);\n",
    );
  });

  it("refuses to leave another import of the original runtime", () => {
    const source = 'import { Message } from "@bufbuild/protobuf";\n';
    expect(() => adaptToCodec(source, "a.ts")).toThrow("a.ts: an import of @bufbuild/protobuf");
  });
});
