import assert from "node:assert/strict";
import { crc32 } from "@dt/codec";
import fc from "fast-check";
import { describe, test } from "vitest";
import { BatchBuilder, singleEntry } from "./batch-builder.ts";
import { recordOffset, scanRecords, sliceBatch } from "./entry-batch.ts";
import type { EntryBatch } from "./entry-batch.ts";
import { EntryType, RECORD_HEADER_BYTES, recordBytes } from "./record.ts";

function batchOf(payloads: readonly Uint8Array[], firstIndex = 1, term = 1, chain = 0): EntryBatch {
  const builder = new BatchBuilder(1 << 20);
  for (const payload of payloads) {
    builder.add(EntryType.normal, 7, Buffer.from(payload), 0, payload.length);
  }
  const [batch, ...rest] = builder.seal(firstIndex, term, 1_700_000_000_000, chain);
  assert.equal(rest.length, 0);
  assert.ok(batch);
  return batch;
}

const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 });

describe("records", () => {
  test("one record has the documented bytes", () => {
    const { bytes, chain } = batchOf([Buffer.from("abc")], 0x1_0000_0005, 3, 0xdead_beef);
    const expected = Buffer.alloc(48);
    expected.writeUInt32BE(43, 0);
    expected[8] = EntryType.normal;
    expected.writeUInt16BE(7, 10);
    expected.writeBigUInt64BE(3n, 12);
    expected.writeBigUInt64BE(0x1_0000_0005n, 20);
    expected.writeBigUInt64BE(1_700_000_000_000n, 28);
    expected.writeUInt32BE(crc32(Buffer.from("abc"), 0, 3), 36);
    expected.write("abc", 40);
    const covered = Buffer.concat([expected.subarray(0, 4), expected.subarray(8, 40)]);
    expected.writeUInt32BE(crc32(covered, 0, covered.length, 0xdead_beef), 4);
    assert.deepEqual(bytes, expected);
    assert.equal(chain, expected.readUInt32BE(4));
  });

  test("what a builder seals is scanned back whole", () => {
    fc.assert(
      fc.property(payloads, (list) => {
        const batch = batchOf(list, 5, 2, 99);
        const run = scanRecords(batch.bytes, 0, batch.bytes.length, 4, 2, 99);
        assert.equal(run.fault, null);
        assert.deepEqual(run.batches, [batch]);
        assert.equal(batch.lastIndex, 4 + list.length);
      }),
    );
  });

  test("a scan splits where the term changes", () => {
    const a = batchOf([Buffer.from("a"), Buffer.from("b")], 1, 1);
    const b = batchOf([Buffer.from("c")], 3, 4, a.chain);
    const bytes = Buffer.concat([a.bytes, b.bytes]);
    assert.deepEqual(scanRecords(bytes, 0, bytes.length, 0, 0, 0).batches, [a, b]);
  });

  test("every flipped bit is found", () => {
    const batch = batchOf([Buffer.from("hello"), Buffer.alloc(0), Buffer.from("worlds!!")]);
    const ends = [1, 2, 3, 4].map((index) => recordOffset(batch, index));
    for (let bit = 0; bit < batch.bytes.length * 8; bit++) {
      const bytes = Buffer.from(batch.bytes);
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const record = ends.findIndex((end) => end > bit >>> 3) - 1;
      const start = ends[record] ?? 0;
      const length = batch.bytes.readUInt32BE(start);
      const run = scanRecords(bytes, 0, bytes.length, 0, 0, 0);
      if (bit >>> 3 >= start + length) {
        continue; // padding carries nothing
      }
      assert.ok(run.fault, `bit ${bit}`);
      assert.equal(run.fault.index, record + 1, `bit ${bit}`);
    }
  });

  test("a truncated, dropped, swapped or foreign record stops the scan before it", () => {
    const list = ["a", "bb", "ccc", "dddd"].map((text) => Buffer.from(text));
    const batch = batchOf(list);
    const parts = [1, 2, 3, 4].map((index) =>
      batch.bytes.subarray(recordOffset(batch, index), recordOffset(batch, index + 1)),
    );
    const [a, b, c, d] = parts as [Buffer, Buffer, Buffer, Buffer];
    const reasonOf = (pieces: Buffer[]) => {
      const bytes = Buffer.concat(pieces);
      const { fault } = scanRecords(bytes, 0, bytes.length, 0, 0, 0);
      return fault && `${fault.reason} ${fault.index}`;
    };
    assert.equal(reasonOf([a, b, c, d]), null);
    assert.equal(reasonOf([a, c, d]), "chain 2");
    assert.equal(reasonOf([b, a]), "chain 1");
    assert.equal(reasonOf([a, b, c, d.subarray(0, 39)]), "length 4");
    assert.equal(reasonOf([a, b.subarray(0, RECORD_HEADER_BYTES)]), "length 2");
    assert.equal(reasonOf([a, batchOf([Buffer.from("bb")], 2, 1, 12345).bytes]), "chain 2");
    assert.equal(reasonOf([a, Buffer.alloc(64)]), "length 2");
  });

  test("a slice is the batch that its entries would have made", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), fc.nat(), (list, x, y) => {
        const from = x % list.length;
        const to = from + (y % (list.length - from));
        const batch = batchOf(list, 11, 3, 5);
        const slice = sliceBatch(batch, 11 + from, 11 + to);
        const head = from === 0 ? 5 : batchOf(list.slice(0, from), 11, 3, 5).chain;
        assert.deepEqual(slice, batchOf(list.slice(from, to + 1), 11 + from, 3, head));
      }),
    );
  });
});

describe("batch builder", () => {
  test("cuts batches at the limit and keeps index and chain going", () => {
    const builder = new BatchBuilder(200);
    const list = Array.from({ length: 10 }, (_, i) => Buffer.alloc(50, i));
    for (const payload of list) {
      builder.add(EntryType.normal, 1, payload, 0, payload.length);
    }
    assert.equal(builder.count, 10);
    assert.equal(builder.byteLength, 10 * recordBytes(50));
    const batches = builder.seal(1, 1, 0, 0);
    assert.deepEqual(
      batches.map((batch) => batch.bytes.length),
      Array.from({ length: 5 }, () => 2 * recordBytes(50)),
    );
    const bytes = Buffer.concat(batches.map((batch) => batch.bytes));
    const run = scanRecords(bytes, 0, bytes.length, 0, 1, 0);
    assert.equal(run.fault, null);
    assert.equal(run.batches[0]?.lastIndex, 10);
    assert.equal(builder.count, 0);
    assert.equal(builder.byteLength, 0);
  });

  test("takes an entry larger than a batch, alone", () => {
    const builder = new BatchBuilder(200);
    for (const size of [10, 1000, 10]) {
      builder.add(EntryType.normal, 1, Buffer.alloc(size, 1), 0, size);
    }
    assert.deepEqual(
      builder.seal(1, 1, 0, 0).map((batch) => batch.lastIndex - batch.firstIndex + 1),
      [1, 1, 1],
    );
  });

  test("never touches the bytes of a sealed batch again", () => {
    const builder = new BatchBuilder(4096);
    builder.add(EntryType.normal, 1, Buffer.from("first"), 0, 5);
    const [first] = builder.seal(1, 1, 0, 0);
    assert.ok(first);
    const before = Buffer.from(first.bytes);
    let chain = first.chain;
    for (let i = 2; i < 500; i++) {
      builder.add(EntryType.normal, 1, Buffer.from(`entry ${i}`), 0, 7);
      const [next] = builder.seal(i, 1, 0, chain);
      chain = next?.chain ?? 0;
    }
    assert.deepEqual(first.bytes, before);
  });

  test("discarded entries leave no trace", () => {
    const builder = new BatchBuilder(4096);
    builder.add(EntryType.normal, 1, Buffer.from("gone"), 0, 4);
    builder.discard();
    builder.add(EntryType.normal, 7, Buffer.from("kept"), 0, 4);
    const [batch] = builder.seal(1, 1, 1_700_000_000_000, 0);
    assert.deepEqual(batch, batchOf([Buffer.from("kept")]));
  });

  test("a single entry equals a batch of one", () => {
    const payload = Buffer.from("x");
    const builder = new BatchBuilder(4096);
    builder.add(EntryType.noop, 0, payload, 0, 1);
    assert.deepEqual(
      [singleEntry(EntryType.noop, payload, 4, 2, 9, 77)],
      builder.seal(4, 2, 9, 77),
    );
  });
});
