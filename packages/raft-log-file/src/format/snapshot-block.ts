import { crc32, writeUint64 } from "@dt/codec";

/** Content of every block of a snapshot but the last, which holds the rest. */
export const BLOCK_CONTENT_BYTES = 64 << 10;
export const BLOCK_HEADER_BYTES = 8;
export const BLOCK_BYTES: number = BLOCK_HEADER_BYTES + BLOCK_CONTENT_BYTES;

/** What the crcs of a snapshot's blocks start from: that of its salt. */
export function blockSeed(salt: Buffer): number {
  return crc32(salt, 0, salt.length);
}

/** Writes the header of the block whose `contentBytes` stand behind it. */
export function sealBlock(
  into: Buffer,
  at: number,
  contentBytes: number,
  seed: number,
  number: number,
): void {
  into.writeUInt32BE(contentBytes, at + 4);
  into.writeUInt32BE(blockCrc(into, at, contentBytes, seed, number), at);
}

/** Whether the block at `at` is this one, whole, with that many bytes of content. */
export function isBlockGood(
  bytes: Buffer,
  at: number,
  contentBytes: number,
  seed: number,
  number: number,
): boolean {
  return (
    bytes.readUInt32BE(at + 4) === contentBytes &&
    bytes.readUInt32BE(at) === blockCrc(bytes, at, contentBytes, seed, number)
  );
}

/** Bytes of the data file of a snapshot with so much content. */
export function dataFileBytes(byteLength: number): number {
  return byteLength + Math.ceil(byteLength / BLOCK_CONTENT_BYTES) * BLOCK_HEADER_BYTES;
}

const numberBytes: Buffer = Buffer.alloc(8);

function blockCrc(
  bytes: Buffer,
  at: number,
  contentBytes: number,
  seed: number,
  number: number,
): number {
  writeUint64(numberBytes, 0, number);
  const place = crc32(numberBytes, 0, 8, seed);
  return crc32(bytes, at + 4, at + BLOCK_HEADER_BYTES + contentBytes, place);
}
