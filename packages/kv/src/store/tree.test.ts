import { beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../refusal.ts";
import { parentKey, toByteKey } from "./byte-key.ts";
import { DirectoryNode, ValueNode } from "./node.ts";
import { Tree } from "./tree.ts";

const VALUE = Buffer.from("vwx");

let tree: Tree;

beforeEach(() => {
  tree = new Tree();
});

function create(key: string, timestampMs = 1): number {
  return tree.create(toByteKey(key), VALUE, 0, 1, timestampMs);
}

function find(key: string) {
  return tree.find(toByteKey(key));
}

describe("creating", () => {
  it("makes the directories on the way with the same revision", () => {
    expect(create("a/b/c", 5)).toBe(1);
    expect(tree.nodeCount).toBe(3);
    for (const key of ["a", "a/b"]) {
      const directory = find(key);
      expect(directory).toBeInstanceOf(DirectoryNode);
      expect(directory).toMatchObject({ createRevision: 1, modRevision: 1, createdMs: 5 });
    }
    expect(find("a/b/c")).toBeInstanceOf(ValueNode);
  });

  it("leaves the fields of existing directories alone", () => {
    create("a/b", 1);
    create("a/c", 2);
    expect(find("a")).toMatchObject({
      createRevision: 1,
      modRevision: 1,
      version: 1,
      updatedMs: 1,
    });
  });

  it("refuses a key below a value, however deep, and changes nothing", () => {
    create("a");
    expect(create("a/b")).toBe(Refusal.parentIsValue);
    expect(create("a/b/c/d")).toBe(Refusal.parentIsValue);
    expect(tree.makeDirectory(toByteKey("a/b"), 1)).toBe(Refusal.parentIsValue);
    expect(tree.nodeCount).toBe(1);
    expect(tree.revision).toBe(1);
  });

  it("refuses what would make it too large, and leaves no half of a path behind", () => {
    tree = new Tree(3);
    expect(create("a/b")).toBe(1);
    expect(create("c/d")).toBe(Refusal.storeFull);
    expect(tree.makeDirectory(toByteKey("c/d"), 1)).toBe(Refusal.storeFull);
    expect(tree.nodeCount).toBe(2);
    expect(create("c")).toBe(2);
    expect(create("d")).toBe(Refusal.storeFull);
  });
});

describe("updating", () => {
  it("counts versions and keeps what belongs to the creation", () => {
    create("a", 10);
    const node = find("a");
    if (!(node instanceof ValueNode)) {
      throw new Error("no value");
    }
    expect(tree.update(node, VALUE, 1, 3, 20)).toBe(2);
    expect(node.holds(VALUE, 1, 3)).toBe(true);
    expect(node).toMatchObject({
      createRevision: 1,
      modRevision: 2,
      version: 2,
      createdMs: 10,
      updatedMs: 20,
    });
  });
});

describe("a directory", () => {
  it("is made with those above it, once", () => {
    expect(tree.makeDirectory(toByteKey("a/b"), 1)).toBe(1);
    expect(tree.makeDirectory(toByteKey("a/b"), 2)).toBe(0);
    expect(tree.makeDirectory(toByteKey(""), 2)).toBe(0);
    expect(tree.revision).toBe(1);
    expect(tree.nodeCount).toBe(2);
  });

  it("is not made where a value is", () => {
    create("a");
    expect(tree.makeDirectory(toByteKey("a"), 1)).toBe(Refusal.notDirectory);
  });
});

describe("removing", () => {
  it("takes a revision for what is there and none for what is not", () => {
    create("a/b");
    expect(tree.remove(toByteKey("a/b"), false)).toBe(2);
    expect(tree.remove(toByteKey("a/b"), false)).toBe(0);
    expect(tree.remove(toByteKey("x/y"), true)).toBe(0);
    expect(tree.revision).toBe(2);
  });

  it("leaves the directory in which it was", () => {
    create("a/b");
    tree.remove(toByteKey("a/b"), false);
    expect(find("a")).toBeInstanceOf(DirectoryNode);
    expect(tree.remove(toByteKey("a"), false)).toBe(3);
    expect(tree.nodeCount).toBe(0);
  });

  it("takes a directory that is not empty only when told to, and then all of it at once", () => {
    for (const key of ["a/b/c", "a/b/d", "a/e", "ab"]) {
      create(key);
    }
    expect(tree.remove(toByteKey("a"), false)).toBe(Refusal.notEmpty);
    expect(tree.nodeCount).toBe(6);
    expect(tree.remove(toByteKey("a"), true)).toBe(5);
    expect(tree.nodeCount).toBe(1);
    expect(find("a/b/c")).toBeNull();
    expect(find("ab")).toBeInstanceOf(ValueNode);
  });

  it("frees the memory of all that it takes", () => {
    create("a/b");
    create("a/c");
    const places = ["a/b", "a/c"].map((key) => find(key)?.recordStart);
    tree.remove(toByteKey("a/b"), false);
    tree.remove(toByteKey("a"), true);
    create("d/b");
    create("d/c");
    expect(["d/c", "d/b"].map((key) => find(key)?.recordStart)).toEqual(places);
  });

  it("never takes the root", () => {
    create("a");
    expect(tree.remove(toByteKey(""), true)).toBe(Refusal.isRoot);
    expect(tree.nodeCount).toBe(1);
  });

  it("lets a value become a directory and the reverse", () => {
    create("a");
    tree.remove(toByteKey("a"), false);
    expect(create("a/b")).toBe(3);
    tree.remove(toByteKey("a"), true);
    expect(create("a")).toBe(5);
    expect(find("a")).toMatchObject({ createRevision: 5, version: 1 });
  });
});

it("a key of thousands of segments is created and removed", () => {
  const key = toByteKey(Array.from({ length: 4096 }, () => "d").join("/"));
  expect(tree.create(key, VALUE, 0, 1, 1)).toBe(1);
  expect(tree.nodeCount).toBe(4096);
  expect(tree.find(parentKey(key))).toBeInstanceOf(DirectoryNode);
  expect(tree.remove(toByteKey("d"), true)).toBe(2);
  expect(tree.nodeCount).toBe(0);
});
