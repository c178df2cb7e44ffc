import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toByteKey } from "./byte-key.ts";
import type { ByteKey } from "./byte-key.ts";
import { ChildList } from "./child-list.ts";
import { ValueNode } from "./node.ts";

function keysOf(list: ChildList, after: ByteKey | null): string[] {
  const keys: string[] = [];
  const walk = list.walk(after);
  for (let node = walk.next(); node !== null; node = walk.next()) {
    keys.push(node.key);
  }
  return keys;
}

function nodeOf(name: string): ValueNode {
  return new ValueNode(toByteKey(name));
}

function listOf(names: readonly string[]): ChildList {
  const list = new ChildList();
  for (const name of names) {
    list.insert(nodeOf(name));
  }
  return list;
}

const numbered = Array.from({ length: 3000 }, (_, i) => `d/${String(i).padStart(5, "0")}`);

describe("a list of children", () => {
  it.each([
    ["ascending", numbered],
    ["descending", numbered.toReversed()],
    [
      "from both ends",
      numbered.map((_, i) => numbered[i % 2 === 0 ? i / 2 : 2999 - (i >> 1)] ?? ""),
    ],
  ])("is in order over many leaves when filled %s", (_order, names) => {
    const list = listOf(names);
    expect(list.count).toBe(3000);
    expect(keysOf(list, null)).toEqual(numbered);
  });

  it("starts behind any key, there or not", () => {
    const list = listOf(numbered);
    expect(keysOf(list, toByteKey("d/01499"))[0]).toBe("d/01500");
    expect(keysOf(list, toByteKey("d/01499x"))[0]).toBe("d/01500");
    expect(keysOf(list, toByteKey("d/"))).toHaveLength(3000);
    expect(keysOf(list, toByteKey("d/02999"))).toEqual([]);
  });

  it("has an end when it is empty", () => {
    expect(keysOf(new ChildList(), null)).toEqual([]);
    expect(keysOf(new ChildList(), toByteKey("a"))).toEqual([]);
  });

  it("stays what a sorted array would be", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", "ä", "🙂", "\uf000"), minLength: 1 });
    const step = fc.record({ name, isInsert: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), name, (steps, after) => {
        const list = new ChildList();
        const nodes = new Map<string, ValueNode>();
        for (const each of steps) {
          const node = nodes.get(each.name);
          if (each.isInsert && node === undefined) {
            const made = nodeOf(each.name);
            nodes.set(each.name, made);
            list.insert(made);
          } else if (!each.isInsert && node !== undefined) {
            nodes.delete(each.name);
            list.remove(node);
          }
        }
        const sorted = [...nodes.keys()].toSorted((a, b) =>
          Buffer.compare(Buffer.from(a), Buffer.from(b)),
        );
        expect(list.count).toBe(sorted.length);
        expect(keysOf(list, null)).toEqual(sorted.map(toByteKey));
        const behind = sorted.filter((key) => toByteKey(key) > toByteKey(after));
        expect(keysOf(list, toByteKey(after))).toEqual(behind.map(toByteKey));
      }),
    );
  });

  it("stays in order when whole leaves between others are emptied", () => {
    const nodes = numbered.map(nodeOf);
    const list = new ChildList();
    for (const node of nodes) {
      list.insert(node);
    }
    for (const node of nodes.slice(200, 2800)) {
      list.remove(node);
    }
    list.insert(nodeOf("d/02999x"));
    list.insert(nodeOf("d/01000"));
    const left = [...numbered.slice(0, 200), "d/01000", ...numbered.slice(2800), "d/02999x"];
    expect(keysOf(list, null)).toEqual(left);
    expect(keysOf(list, toByteKey("d/01000"))).toEqual(left.slice(201));
  });

  it("can be emptied and filled again", () => {
    const nodes = numbered.map(nodeOf);
    const list = new ChildList();
    for (const node of nodes) {
      list.insert(node);
    }
    for (const node of nodes.toReversed()) {
      list.remove(node);
    }
    expect(list.count).toBe(0);
    list.insert(nodeOf("again"));
    expect(keysOf(list, null)).toEqual(["again"]);
  });
});
