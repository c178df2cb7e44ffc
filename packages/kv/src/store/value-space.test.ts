import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toByteKey } from "./byte-key.ts";
import { ValueNode } from "./node.ts";
import { classBytes, classOf, ValueSpace } from "./value-space.ts";

const MAX_PLACE_BYTES = 4096;

function newNode(): ValueNode {
  return new ValueNode(toByteKey("k"), 1, 1);
}

function bytesOf(length: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed) % 256));
}

function valueOf(node: ValueNode): Buffer {
  return Buffer.from(node.valueBuf.subarray(node.valueStart, node.valueEnd));
}

describe("a size class", () => {
  it("fits every value it is for, with at most an eighth or 15 bytes to spare", () => {
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
    expect(classOf(0)).toBe(0);
    expect(classOf(MAX_PLACE_BYTES + 1)).toBe(-1);
  });
});

describe.each([0, 1, 16, 32, 33, 255, 4096, 4097, 100_000])("a value of %i bytes", (size) => {
  it("is a copy of its range", () => {
    const source = Buffer.concat([Buffer.from("before"), bytesOf(size), Buffer.from("after")]);
    const node = newNode();
    new ValueSpace().store(node, source, 6, 6 + size);
    source.fill(0xee);
    expect(valueOf(node)).toEqual(bytesOf(size));
    expect(node.valueLength).toBe(size);
  });

  it("equals its bytes and no others", () => {
    const node = newNode();
    const other = Buffer.concat([bytesOf(size), Buffer.from([0])]);
    new ValueSpace().store(node, other, 0, size);
    expect(node.holds(other, 0, size)).toBe(true);
    expect(node.holds(other, 0, size + 1)).toBe(false);
    if (size > 0) {
      expect(node.holds(other, 0, size - 1)).toBe(false);
      other[size - 1] = ~(other[size - 1] ?? 0);
      expect(node.holds(other, 0, size)).toBe(false);
    }
  });
});

describe("the space of values", () => {
  it("overwrites a value of the same class where it is", () => {
    const space = new ValueSpace();
    const node = newNode();
    space.store(node, bytesOf(250), 0, 250);
    const { valueBuf, valueStart } = node;
    space.store(node, bytesOf(241, 9), 0, 241);
    expect(node.valueBuf).toBe(valueBuf);
    expect(node.valueStart).toBe(valueStart);
    expect(valueOf(node)).toEqual(bytesOf(241, 9));
  });

  it("gives a freed place to the next value of the class", () => {
    const space = new ValueSpace();
    const [node, next] = [newNode(), newNode()];
    space.store(node, bytesOf(250), 0, 250);
    const { valueBuf, valueStart } = node;
    space.free(node);
    expect(valueOf(node)).toEqual(Buffer.alloc(0));
    space.store(next, bytesOf(250), 0, 250);
    expect(next.valueBuf).toBe(valueBuf);
    expect(next.valueStart).toBe(valueStart);
  });

  it("keeps a large value in memory of just its size, and lets it go", () => {
    const space = new ValueSpace();
    const node = newNode();
    space.store(node, bytesOf(5000), 0, 5000);
    expect(node.valueBuf.buffer.byteLength).toBe(5000);
    space.store(node, bytesOf(6000), 0, 6000);
    expect(node.valueBuf.buffer.byteLength).toBe(6000);
    space.store(node, bytesOf(0), 0, 0);
    expect(node.valueBuf.buffer.byteLength).toBe(0);
  });

  it("never gives two values the same bytes", () => {
    const step = fc.record({
      at: fc.nat({ max: 19 }),
      size: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 300 }), fc.constantFrom(4000, 4096, 4097)),
      isFree: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const space = new ValueSpace();
        const nodes = Array.from({ length: 20 }, newNode);
        const model: Buffer[] = nodes.map(() => Buffer.alloc(0));
        for (const [i, { at, size, isFree }] of steps.entries()) {
          const node = nodes[at] ?? newNode();
          model[at] = isFree ? Buffer.alloc(0) : bytesOf(size, i);
          if (isFree) {
            space.free(node);
          } else {
            space.store(node, bytesOf(size, i), 0, size);
          }
        }
        expect(nodes.map(valueOf)).toEqual(model);
      }),
    );
  });

  it("goes on to further slabs", () => {
    const space = new ValueSpace();
    const nodes = Array.from({ length: 600 }, newNode);
    for (const [i, node] of nodes.entries()) {
      space.store(node, bytesOf(4000, i), 0, 4000);
    }
    expect(new Set(nodes.map((node) => node.valueBuf)).size).toBe(3);
    expect(nodes.every((node, i) => valueOf(node).equals(bytesOf(4000, i)))).toBe(true);
  });
});
