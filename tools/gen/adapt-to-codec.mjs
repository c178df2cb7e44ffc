const wireImport = /^import \{ [^}]+ \} from "@bufbuild\/protobuf\/wire";\n/m;

/**
 * Puts generated message code on the reader and writer of @dt/codec.
 *
 * ts-proto cannot be told which runtime to import. The runtime it assumes costs several times as much per
 * message, allocates an empty array for every bytes field of every decoded message, and turns 64-bit
 * integers into strings and back; the reader of @dt/codec returns numbers.
 */
export function adaptToCodec(source, path) {
  let text = source
    .replaceAll("new Uint8Array(0)", "EMPTY")
    .replace(/\bNumber\(int64\.toString\(\)\)/g, "Number(int64)");
  const names = ["BinaryReader", "BinaryWriter", "EMPTY"].filter((name) =>
    new RegExp(`\\b${name}\\b`).test(text.replace(wireImport, "")),
  );
  if (names.length > 0) {
    text = text.replace(wireImport, `import { ${names.join(", ")} } from "@dt/codec";\n`);
  }
  if (text.includes("@bufbuild/protobuf")) {
    throw new Error(
      `${path}: an import of @bufbuild/protobuf is left; teach adapt-to-codec about it`,
    );
  }
  return text;
}
