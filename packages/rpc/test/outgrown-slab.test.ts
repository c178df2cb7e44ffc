import { expect, test } from "vitest";
import { ECHO, readLength, writeBytes } from "./support/bodies.ts";
import { startPair } from "./support/pair.ts";
import type { ByteWriter } from "@dt/codec";

const KIB = 1024;

/** Writes the body piece by piece, so that the writer doubles its buffer on the way. */
function writePieces(writer: ByteWriter, pieces: readonly Buffer[]): void {
  for (const piece of pieces) {
    writer.bytes(piece);
  }
}

test("a frame that outgrows its slab into a buffer of another slab's size is sent and forgotten", async () => {
  const { client } = await startPair();
  // Makes the next frame start in the second smallest slab, of 272 KiB; doubled twice it has the
  // length of the third.
  const first = Buffer.alloc(200 * KIB);
  await client.call(ECHO, 0, 0, writeBytes, first, readLength);
  const pieces = Array.from({ length: 8 }, () => Buffer.alloc(100 * KIB));
  for (let i = 0; i < 5; i++) {
    const echoed = await client.call(ECHO, 0, 0, writePieces, pieces, readLength);
    expect(echoed).toBe(800 * KIB);
  }
});
