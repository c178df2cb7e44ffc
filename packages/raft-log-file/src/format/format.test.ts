import { crc32 } from "@dt/codec";
import { describe, expect, test } from "vitest";
import { FRAME_BYTES, isFrame, writeFrame } from "./flush-frame.ts";
import { decodeHint, encodeHint, type IndexHint } from "./index-hint.ts";
import { decodeSegmentHeader, encodeSegmentHeader, type SegmentHeader } from "./segment-header.ts";
import { decodeSlot, encodeSlot, type StatusSlot } from "./status-slot.ts";

// The bytes that FORMAT.md describes. They are on disks: a change here is a new format version.

const STORE_ID = Buffer.from("00112233445566778899aabbccddeeff", "hex");

/** Bytes from pieces of hex; the last piece is filled up with zeros to `length`. */
function bytes(length: number, ...pieces: string[]): Buffer {
  const head = Buffer.from(pieces.join("").replaceAll(" ", ""), "hex");
  return Buffer.concat([head, Buffer.alloc(length - head.length)]);
}

const HEADER: SegmentHeader = {
  groupId: 7,
  storeId: STORE_ID,
  sequence: 258,
  firstIndex: 2 ** 40 + 1,
  prevTerm: 9,
  prevChain: 0xdeadbeef,
  segmentBytes: 64 << 20,
  isSynced: true,
  isRecycled: false,
  isBase: false,
  salt: Buffer.alloc(16, 0x5a),
};

const HEADER_BYTES = bytes(
  96,
  "4454524654534547", // magic
  "00000002", // version
  "00000007", // group
  "00112233445566778899aabbccddeeff", // store
  "0000000000000102", // sequence
  "0000010000000001", // first index
  "0000000000000009", // previous term
  "deadbeef", // previous chain
  "00000000", // flags
  "04000000", // segment bytes
  "00000000",
  "5a".repeat(16), // salt
);

describe("a segment header", () => {
  test("has the bytes that FORMAT.md says", () => {
    const block = Buffer.alloc(4096, 0xff);
    const crc = encodeSegmentHeader(HEADER, block, 0);
    expect(block.subarray(0, 96)).toEqual(HEADER_BYTES);
    expect(crc).toBe(crc32(HEADER_BYTES, 0, 96));
    expect(block.readUInt32BE(96)).toBe(crc);
    expect(block.subarray(100)).toEqual(Buffer.alloc(3996));
    expect(decodeSegmentHeader(block, "f")).toEqual({ header: HEADER, crc });
  });

  test("says when it was written without syncs", () => {
    const block = Buffer.alloc(4096);
    encodeSegmentHeader({ ...HEADER, isSynced: false }, block, 0);
    expect(block.readUInt32BE(60)).toBe(1);
    expect(decodeSegmentHeader(block, "f").header.isSynced).toBe(false);
  });

  test("of a newer version is refused as such, a damaged or short one as damaged", () => {
    const block = Buffer.alloc(4096);
    encodeSegmentHeader(HEADER, block, 0);
    const newer = Buffer.from(block);
    newer.writeUInt32BE(3, 8);
    newer.writeUInt32BE(crc32(newer, 0, 96), 96);
    expect(() => decodeSegmentHeader(newer, "f")).toThrow(/DT_LOG_FORMAT/);
    for (const at of [0, 12, 33, 95, 99]) {
      const damaged = Buffer.from(block);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      expect(() => decodeSegmentHeader(damaged, "f")).toThrow(/DT_LOG_CORRUPT/);
    }
    expect(() => decodeSegmentHeader(block.subarray(0, 4000), "f")).toThrow(/DT_LOG_CORRUPT/);
  });
});

describe("a frame", () => {
  const SEED = 0x12345678;
  const FRAME_BODY = bytes(
    24,
    "0000000000000003", // flush
    "0000000000000011", // first index
    "cafebabe", // previous chain
    "00000130", // record bytes
  );

  test("has the bytes that FORMAT.md says", () => {
    const buf = Buffer.alloc(40);
    writeFrame(buf, 8, SEED, 3, 17, 0xcafebabe, 304);
    expect(buf.readUInt32BE(8)).toBe(0xf1a54d7e);
    expect(buf.readUInt32BE(12)).toBe(crc32(FRAME_BODY, 0, 24, SEED));
    expect(buf.subarray(16, 40)).toEqual(FRAME_BODY);
  });

  test("is one only whole, with its seed and inside the bytes there are", () => {
    const buf = Buffer.alloc(FRAME_BYTES);
    writeFrame(buf, 0, SEED, 3, 17, 0xcafebabe, 304);
    expect(isFrame(buf, 0, FRAME_BYTES, SEED)).toBe(true);
    expect(isFrame(buf, 0, FRAME_BYTES, SEED + 1)).toBe(false);
    expect(isFrame(buf, 0, FRAME_BYTES - 1, SEED)).toBe(false);
    for (let at = 0; at < FRAME_BYTES; at++) {
      const damaged = Buffer.from(buf);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x80, at);
      expect(isFrame(damaged, 0, FRAME_BYTES, SEED)).toBe(false);
    }
  });
});

describe("a status slot", () => {
  const SLOT: StatusSlot = {
    identity: { groupId: 7, storeId: STORE_ID },
    sequence: 5,
    status: {
      hardState: { term: 6, vote: 2, commitIndex: 100 },
      headIndex: 1,
      markIndex: 120,
      markChain: 0xcafebabe,
    },
  };
  const SLOT_BODY = bytes(
    84,
    "4454524654535441", // magic
    "00000001", // version
    "00000007", // group
    "00112233445566778899aabbccddeeff", // store
    "0000000000000005", // sequence
    "0000000000000006", // term
    "0000000000000002", // vote
    "0000000000000064", // commit index
    "0000000000000001", // head
    "0000000000000078", // mark
    "cafebabe", // chain at the mark
  );

  test("has the bytes that FORMAT.md says", () => {
    const block = Buffer.alloc(8192, 0xff);
    encodeSlot(SLOT, block, 4096);
    expect(block.subarray(4096, 4180)).toEqual(SLOT_BODY);
    expect(block.readUInt32BE(4180)).toBe(crc32(SLOT_BODY, 0, 84));
    expect(block.subarray(4184)).toEqual(Buffer.alloc(4008));
    expect(block.subarray(0, 4096)).toEqual(Buffer.alloc(4096, 0xff));
    expect(decodeSlot(block, 4096, "f")).toEqual(SLOT);
  });

  test("is null when any byte of it is damaged", () => {
    const block = Buffer.alloc(4096);
    encodeSlot(SLOT, block, 0);
    for (let at = 0; at < 88; at++) {
      const damaged = Buffer.from(block);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 4, at);
      expect(decodeSlot(damaged, 0, "f")).toBeNull();
    }
  });
});

describe("an index hint", () => {
  const HINT: IndexHint = {
    seed: 0x01020304,
    nextIndex: 50,
    endOffset: 70_000,
    maxTimestampMs: 0x1234,
    points: [
      { index: 1, offset: 4128, prevChain: 0, maxTimestampMs: 0 },
      { index: 30, offset: 36_928, prevChain: 0xcafebabe, maxTimestampMs: 0x1233 },
    ],
    termRuns: [{ firstIndex: 1, term: 3 }],
    configs: [{ index: 7, term: 3, payload: Buffer.from("abc") }],
  };
  const HINT_BYTES = bytes(
    143,
    "4454524654494458", // magic
    "00000002", // version
    "01020304", // seed
    "0000000000000032", // next index
    "0000000000011170", // end
    "00000002", // positions
    "00000001", // term runs
    "00000001 00000000", // configurations
    "0000000000001234", // youngest
    "0000000000000001 00001020 00000000 0000000000000000",
    "000000000000001e 00009040 cafebabe 0000000000001233",
    "0000000000000001 0000000000000003",
    "0000000000000007 0000000000000003 00000003 616263",
  );

  test("has the bytes that FORMAT.md says", () => {
    const encoded = encodeHint(HINT);
    expect(encoded.subarray(0, 143)).toEqual(HINT_BYTES);
    expect(encoded.readUInt32BE(143)).toBe(crc32(HINT_BYTES, 0, 143));
    expect(encoded).toHaveLength(147);
    expect(decodeHint(encoded, HINT.seed)).toEqual(HINT);
  });

  test("is null for another segment, when damaged, and when it is cut at any byte", () => {
    const encoded = encodeHint(HINT);
    expect(decodeHint(encoded, HINT.seed + 1)).toBeNull();
    for (let at = 0; at < encoded.length; at++) {
      expect(decodeHint(encoded.subarray(0, at), HINT.seed)).toBeNull();
      const damaged = Buffer.from(encoded);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      expect(decodeHint(damaged, HINT.seed)).toBeNull();
    }
  });
});
