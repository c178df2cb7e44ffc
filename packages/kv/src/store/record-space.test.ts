import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toByteKey } from "./byte-key.ts";
import { ValueNode } from "./node.ts";
import { classBytes, classOf, NO_RECORD, RecordSpace } from "./record-space.ts";
import { RECORD_HEAD_BYTES } from "./record.ts";

const MAX_PLACE_BYTES = 4096;
/** The largest value whose record has a place in a slab. */
const MAX_PLACED_VALUE: number = MAX_PLACE_BYTES - RECORD_HEAD_BYTES;

function newNode(): ValueNode {
  return new ValueNode(toByteKey("k"));
}

function bytesOf(length: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed) % 256));
}

function createdNode(space: RecordSpace, value: Buffer): ValueNode {
  const node = newNode();
  space.create(node, 3, 1000, value, 0, value.length);
  return node;
}

describe("a size class", () => {
  it("fits every record it is for, with at most an eighth or 15 bytes to spare", () => {
    for (let length = 1; length <= MAX_PLACE_BYTES; length++) {
      const bytes = classBytes(classOf(length));
      expect(bytes).toBeGreaterThanOrEqual(length);
      expect(bytes - length).toBeLessThanOrEqual(Math.max(15, length / 8));
    }
  });

  it("is the same for the sizes up to its own, and another one beyond", () => {
    for (let length = 1; length < MAX_PLACE_BYTES; length++) {
      const isLast = classBytes(classOf(length)) === length;
      expect(classOf(length + 1) === classOf(length)).toBe(!isLast);
    }
    expect(classOf(MAX_PLACE_BYTES + 1)).toBe(-1);
  });
});

const SIZES = [0, 1, 16, 48, 49, 255, MAX_PLACED_VALUE, MAX_PLACED_VALUE + 1, 100_000];

describe.each(SIZES)("the record of a value of %i bytes", (size) => {
  it("has a copy of its range and says that it is new", () => {
    const source = Buffer.concat([Buffer.from("before"), bytesOf(size), Buffer.from("after")]);
    const node = newNode();
    new RecordSpace().create(node, 3, 1_800_000_000_000, source, 6, 6 + size);
    source.fill(0xee);
    expect(node.copyValue()).toEqual(bytesOf(size));
    expect(node.valueLength).toBe(size);
    expect([node.createRevision, node.modRevision, node.version]).toEqual([3, 3, 1]);
    expect([node.createdMs, node.updatedMs]).toEqual([1_800_000_000_000, 1_800_000_000_000]);
  });

  it.each(SIZES)("notes a write that leaves it with %i bytes", (newSize) => {
    const space = new RecordSpace();
    const node = createdNode(space, bytesOf(size));
    const large = Number.MAX_SAFE_INTEGER;
    space.update(node, large, large, bytesOf(newSize + 2, 9), 1, newSize + 1);
    expect(node.copyValue()).toEqual(bytesOf(newSize + 2, 9).subarray(1, newSize + 1));
    expect([node.createRevision, node.modRevision, node.version]).toEqual([3, large, 2]);
    expect([node.createdMs, node.updatedMs]).toEqual([1000, large]);
  });

  it("holds its bytes and no others", () => {
    const other = Buffer.concat([bytesOf(size), Buffer.from([0])]);
    const node = createdNode(new RecordSpace(), bytesOf(size));
    expect(node.holds(other, 0, size)).toBe(true);
    expect(node.holds(other, 0, size + 1)).toBe(false);
    if (size > 0) {
      expect(node.holds(other, 0, size - 1)).toBe(false);
      other[size - 1] = ~(other[size - 1] ?? 0);
      expect(node.holds(other, 0, size)).toBe(false);
    }
  });
});

describe("the space of records", () => {
  it("overwrites a record of the same class where it is", () => {
    const space = new RecordSpace();
    const node = createdNode(space, bytesOf(250));
    const { recordBuf, recordStart } = node;
    space.update(node, 4, 1, bytesOf(260, 9), 0, 260);
    expect(classOf(RECORD_HEAD_BYTES + 250)).toBe(classOf(RECORD_HEAD_BYTES + 260));
    expect(node.recordBuf).toBe(recordBuf);
    expect(node.recordStart).toBe(recordStart);
  });

  it("gives a freed place to the next record of the class", () => {
    const space = new RecordSpace();
    const node = createdNode(space, bytesOf(250));
    const { recordBuf, recordStart } = node;
    space.free(node);
    const next = createdNode(space, bytesOf(250));
    expect(next.recordBuf).toBe(recordBuf);
    expect(next.recordStart).toBe(recordStart);
  });

  it("gives the place of a record that has outgrown it to the next one", () => {
    const space = new RecordSpace();
    const node = createdNode(space, bytesOf(100));
    const { recordBuf, recordStart } = node;
    space.update(node, 4, 1, bytesOf(5000), 0, 5000);
    const next = createdNode(space, bytesOf(100));
    expect(next.recordBuf).toBe(recordBuf);
    expect(next.recordStart).toBe(recordStart);
    expect(node.copyValue()).toEqual(bytesOf(5000));
  });

  it("keeps a large record in memory of just its size, and lets it go", () => {
    const space = new RecordSpace();
    const node = createdNode(space, bytesOf(5000));
    expect(node.recordBuf.buffer.byteLength).toBe(5000 + RECORD_HEAD_BYTES);
    space.update(node, 4, 1, bytesOf(6000), 0, 6000);
    expect(node.recordBuf.buffer.byteLength).toBe(6000 + RECORD_HEAD_BYTES);
    space.free(node);
    expect(node.recordBuf.buffer.byteLength).toBe(0);
  });

  it("never gives two records the same bytes", () => {
    const step = fc.record({
      at: fc.nat({ max: 19 }),
      size: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 300 }), fc.constantFrom(4000, 4056, 4057)),
      isFree: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const space = new RecordSpace();
        const live = new Map<number, { node: ValueNode; value: Buffer; revision: number }>();
        for (const [i, { at, size, isFree }] of steps.entries()) {
          const old = live.get(at);
          const value = bytesOf(size, i);
          if (isFree && old !== undefined) {
            space.free(old.node);
            live.delete(at);
          } else if (old !== undefined) {
            space.update(old.node, i + 1, i, value, 0, size);
            live.set(at, { node: old.node, value, revision: i + 1 });
          } else {
            const node = newNode();
            space.create(node, i + 1, i, value, 0, size);
            live.set(at, { node, value, revision: i + 1 });
          }
        }
        for (const { node, value, revision } of live.values()) {
          expect(node.copyValue()).toEqual(value);
          expect(node.modRevision).toBe(revision);
        }
      }),
    );
  });

  it("goes on to further slabs", () => {
    const space = new RecordSpace();
    const values = Array.from({ length: 600 }, (_, i) => Buffer.alloc(4000, i));
    const nodes = values.map((value) => createdNode(space, value));
    expect(new Set(nodes.map((node) => node.recordBuf)).size).toBe(3);
    expect(nodes.every((node, i) => node.holds(values[i] ?? NO_RECORD, 0, 4000))).toBe(true);
  });
});
