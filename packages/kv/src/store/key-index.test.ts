import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_KEY_BYTES, toByteKey } from "./byte-key.ts";
import type { ByteKey } from "./byte-key.ts";
import { KeyIndex } from "./key-index.ts";
import { ValueNode } from "./node.ts";

function nodeOf(key: string): ValueNode {
  return new ValueNode(key as ByteKey);
}

describe("an index by key", () => {
  it("finds a key anywhere in a buffer and nothing else", () => {
    const index = new KeyIndex();
    const node = nodeOf("a/b");
    index.add(node);
    const buf = Buffer.from("xa/bx");
    expect(index.find(buf, 1, 4)).toBe(node);
    expect(index.find(buf, 0, 4)).toBeNull();
    expect(index.find(buf, 1, 3)).toBeNull();
    expect(index.findKey(toByteKey("a/b"))).toBe(node);
    expect(index.findKey(toByteKey("a/c"))).toBeNull();
  });

  it("finds the empty key, the longest one, and none that is longer", () => {
    const index = new KeyIndex();
    const empty = nodeOf("");
    const longest = nodeOf("k".repeat(MAX_KEY_BYTES));
    index.add(empty);
    index.add(longest);
    expect(index.findKey(empty.key)).toBe(empty);
    expect(index.findKey(longest.key)).toBe(longest);
    expect(index.findKey("k".repeat(MAX_KEY_BYTES + 1) as ByteKey)).toBeNull();
    expect(index.find(Buffer.alloc(9000, "k"), 0, 9000)).toBeNull();
  });

  it("keeps what is left findable, whatever is removed", () => {
    // Keys of a few bytes in a table that is two thirds full: long runs of occupied slots.
    const key = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 4 });
    const step = fc.record({ key, isAdd: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const index = new KeyIndex();
        const model = new Map<string, ValueNode>();
        for (const each of steps) {
          const node = model.get(each.key);
          if (each.isAdd && node === undefined) {
            const made = nodeOf(each.key);
            model.set(each.key, made);
            index.add(made);
          } else if (!each.isAdd && node !== undefined) {
            model.delete(each.key);
            index.remove(node);
          }
        }
        expect(index.count).toBe(model.size);
        for (const each of steps) {
          expect(index.findKey(each.key as ByteKey)).toBe(model.get(each.key) ?? null);
        }
      }),
    );
  });

  it("holds many nodes and lets them go again", () => {
    const index = new KeyIndex();
    const nodes = Array.from({ length: 20_000 }, (_, i) => nodeOf(`dir/${i}`));
    for (const node of nodes) {
      index.add(node);
    }
    expect(nodes.every((node) => index.findKey(node.key) === node)).toBe(true);
    for (const node of nodes.filter((_, i) => i % 3 !== 0)) {
      index.remove(node);
    }
    expect(nodes.every((node, i) => (index.findKey(node.key) === node) === (i % 3 === 0))).toBe(
      true,
    );
  });
});
