import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparePaths } from "../src/snapshot/tree-snapshot.ts";
import { KvStateMachine } from "../src/state-machine.ts";
import { toByteKey } from "../src/store/byte-key.ts";
import type { Tree } from "../src/store/tree.ts";

const NAMES = ["a", "a-b", "a.b", "b", "é", "z0"];
const segment = fc.constantFrom(...NAMES);
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

type Operation =
  | { readonly kind: "put"; readonly key: string; readonly bytes: number }
  | { readonly kind: "mkdir"; readonly key: string }
  | { readonly kind: "delete"; readonly key: string };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("put" as const), key, bytes: fc.nat(300) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("mkdir" as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
);

function carryOut(tree: Tree, todo: Operation, at: number): void {
  const byteKey = toByteKey(todo.key);
  if (todo.kind === "mkdir") {
    tree.makeDirectory(byteKey, at);
  } else if (todo.kind === "delete") {
    tree.remove(byteKey, true);
  } else {
    const value = Buffer.alloc(todo.bytes, at);
    const node = tree.find(byteKey);
    if (node === null) {
      tree.create(byteKey, value, 0, value.length, at);
    } else if ("holds" in node) {
      tree.update(node, value, 0, value.length, at);
    }
  }
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield Buffer.from(bytes.subarray(at, at + size));
  }
}

async function restored(bytes: Buffer, size = 1000): Promise<KvStateMachine> {
  const machine = new KvStateMachine();
  await machine.restoreSnapshot(pieces(bytes, size));
  return machine;
}

function wholeOf(machine: KvStateMachine): Buffer {
  const source = machine.takeSnapshot();
  const parts: Buffer[] = [];
  for (let part = source.next(1 << 16); part !== null; part = source.next(1 << 16)) {
    parts.push(Buffer.from(part));
  }
  source.close();
  return Buffer.concat(parts);
}

describe("a snapshot of the tree", () => {
  test("holds exactly what was there when it was taken, whatever is written while it is read", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 60 }),
        fc.array(operation, { maxLength: 60 }),
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 200 }),
        async (before, during, step, size) => {
          const machine = new KvStateMachine();
          before.forEach((each, i) => carryOut(machine.tree, each, i));
          const digest = machine.digest();
          const source = machine.takeSnapshot();
          const parts: Buffer[] = [];
          let next = 0;
          for (let part = source.next(step); part !== null; part = source.next(step)) {
            parts.push(Buffer.from(part));
            for (const each of during.slice(next, next + 3)) {
              carryOut(machine.tree, each, 100);
            }
            next += 3;
          }
          source.close();
          const copy = await restored(Buffer.concat(parts), size);
          expect(copy.digest()).toBe(digest);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is read in steps of the size that is asked for, however much is written meanwhile", async () => {
    const machine = new KvStateMachine();
    const value = Buffer.alloc(50);
    const fill = (directory: string): void => {
      for (let i = 0; i < 2000; i++) {
        machine.tree.create(toByteKey(`${directory}/${i}`), value, 0, value.length, i);
      }
    };
    fill("old");
    const digest = machine.digest();
    const source = machine.takeSnapshot();
    const parts = [Buffer.from(source.next(1000) ?? [])];
    fill("new");
    machine.tree.remove(toByteKey("old"), true);
    fill("later");
    for (let part = source.next(1000); part !== null; part = source.next(1000)) {
      expect(part.length).toBeLessThan(1200);
      parts.push(Buffer.from(part));
    }
    source.close();
    // 4000 nodes that are passed over, and 2000 that are held.
    expect(parts.length).toBeGreaterThan(400);
    expect((await restored(Buffer.concat(parts))).digest()).toBe(digest);
  });

  test("keeps revisions, versions, times, empty directories and large values", async () => {
    const machine = new KvStateMachine();
    const { tree } = machine;
    const large = Buffer.alloc(1 << 20, 7);
    tree.makeDirectory(toByteKey("empty/inside"), 5);
    tree.create(toByteKey("a/large"), large, 0, large.length, 10);
    tree.create(toByteKey("a/small"), large, 0, 3, 11);
    tree.remove(toByteKey("a/small"), false);
    const node = tree.find(toByteKey("a/large"));
    if (node !== null && "holds" in node) {
      tree.update(node, large, 0, 1 << 19, 12);
    }
    const copy = await restored(wholeOf(machine), 10_000);
    expect(copy.digest()).toBe(machine.digest());
    expect(copy.tree.revision).toBe(5);
    expect(copy.tree.find(toByteKey("a/large"))).toMatchObject({
      createRevision: 2,
      modRevision: 5,
      version: 2,
      createdMs: 10,
      updatedMs: 12,
    });
    // What follows goes on with the next revision, on both alike.
    expect(copy.tree.create(toByteKey("n"), large, 0, 1, 13)).toBe(6);
    tree.create(toByteKey("n"), large, 0, 1, 13);
    expect(copy.digest()).toBe(machine.digest());
  });

  test("of an empty tree is one, too", async () => {
    const machine = new KvStateMachine();
    expect((await restored(wholeOf(machine))).digest()).toBe(machine.digest());
  });

  test("that is cut short, changed or none at all is refused and changes nothing", async () => {
    const machine = new KvStateMachine();
    for (const [i, name] of NAMES.entries()) {
      machine.tree.create(toByteKey(`d/${name}`), Buffer.from("value"), 0, 5, i);
    }
    const whole = wholeOf(machine);
    const target = await restored(whole);
    for (let end = 0; end < whole.length; end++) {
      const cut = whole.subarray(0, end);
      await expect(target.restoreSnapshot(pieces(cut, 64))).rejects.toMatchObject({
        code: "DT_KV_BAD_SNAPSHOT",
      });
    }
    const longer = Buffer.concat([whole, Buffer.alloc(1)]);
    await expect(target.restoreSnapshot(pieces(longer, 64))).rejects.toThrow("follows its end");
    const other = Buffer.from(whole);
    other[0] = 0;
    await expect(target.restoreSnapshot(pieces(other, 64))).rejects.toThrow("not a snapshot");
    expect(target.digest()).toBe(machine.digest());
  });

  test("with a wrong byte is refused by its code, or is another tree", async () => {
    const machine = new KvStateMachine();
    for (const [i, name] of ["d/a", "d/b", "e"].entries()) {
      machine.tree.create(toByteKey(name), Buffer.from("v"), 0, 1, i);
    }
    const whole = wholeOf(machine);
    const target = await restored(whole);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(at) ^ 0xff, at);
      const digest = target.digest();
      const error = await target.restoreSnapshot(pieces(changed, 64)).catch((e: unknown) => e);
      if (error !== undefined) {
        expect(error).toMatchObject({ name: "KvError", code: "DT_KV_BAD_SNAPSHOT" });
        expect(target.digest()).toBe(digest);
      } else {
        // Whoever restores it can pass on all of it.
        expect((await restored(wholeOf(target))).digest()).toBe(target.digest());
      }
    }
  });

  test("that has a node twice, one that is newer than itself, or a directory with a value is refused", async () => {
    const machine = new KvStateMachine();
    machine.tree.create(toByteKey("k"), Buffer.from("v"), 0, 1, 1);
    const whole = wholeOf(machine);
    const node = whole.subarray(16, whole.length - 9);
    const twice = Buffer.concat([whole.subarray(0, -9), node, whole.subarray(-9)]);
    twice.writeUInt8(2, twice.length - 1);
    const older = Buffer.from(whole);
    older.writeUInt8(0, 15);
    const directory = Buffer.from(whole);
    directory.writeUInt8(2, 16);
    for (const bytes of [twice, older, directory]) {
      await expect(restored(bytes)).rejects.toMatchObject({ code: "DT_KV_BAD_SNAPSHOT" });
    }
  });

  test("that is being read ends when another state takes its place", async () => {
    const machine = new KvStateMachine();
    machine.tree.create(toByteKey("k"), Buffer.from("v"), 0, 1, 1);
    const whole = wholeOf(machine);
    const source = machine.takeSnapshot();
    await machine.restoreSnapshot(pieces(whole, 100));
    expect(() => source.next(100)).toThrow("replaced");
    source.close();
    expect(wholeOf(machine)).toEqual(whole);
  });
});

test("paths compare segment by segment, a directory before what is in it", () => {
  const paths = ["a/x", "a-b", "a", "a.b/y/z", "b", "a/x0", "B/c", "a.b"].map(toByteKey);
  const sorted = paths.toSorted(comparePaths).join(" ");
  expect(sorted).toBe("B/c a a/x a/x0 a-b a.b a.b/y/z b");
});
