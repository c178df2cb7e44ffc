import { describe, expect, it } from "vitest";
import { toByteKey } from "./byte-key.ts";
import { DirectoryNode } from "./node.ts";
import { countNodes, listPage } from "./page.ts";
import type { Page, PageRequest } from "./page.ts";
import { Tree } from "./tree.ts";

const VALUE = Buffer.from("0123456789");
const KEYS = ["a/b/c", "a/b/d", "a/e", "a-b", "ä/x", "z"];

function treeOf(names: readonly string[]): Tree {
  const made = new Tree();
  for (const name of names) {
    made.create(toByteKey(name), VALUE, 0, VALUE.length, 1);
  }
  return made;
}

const tree = treeOf(KEYS);

function page(directory: string, request: Partial<PageRequest>): Page {
  const node = tree.find(toByteKey(directory));
  if (!(node instanceof DirectoryNode)) {
    throw new Error(`${directory} is no directory`);
  }
  return listPage(tree, node, {
    isRecursive: false,
    startAfter: null,
    limit: 100,
    maxBytes: 1 << 20,
    isKeysOnly: false,
    ...request,
  });
}

function keys(directory: string, request: Partial<PageRequest>): string[] {
  return page(directory, request).nodes.map((node) => Buffer.from(node.key, "latin1").toString());
}

describe("a list", () => {
  it("shows the children of the root, and of a directory", () => {
    expect(keys("", {})).toEqual(["a", "a-b", "z", "ä"]);
    expect(keys("a", {})).toEqual(["a/b", "a/e"]);
  });

  it("shows all below, what is in a directory right behind it", () => {
    expect(keys("", { isRecursive: true })).toEqual([
      "a",
      "a/b",
      "a/b/c",
      "a/b/d",
      "a/e",
      "a-b",
      "z",
      "ä",
      "ä/x",
    ]);
    expect(keys("a/b", { isRecursive: true })).toEqual(["a/b/c", "a/b/d"]);
  });

  it.each([false, true])("is the same in pages of any size (recursive: %s)", (isRecursive) => {
    const all = keys("", { isRecursive });
    for (let limit = 1; limit <= all.length; limit++) {
      const paged: string[] = [];
      let startAfter: string | null = null;
      for (let more = true; more;) {
        const after = startAfter === null ? null : toByteKey(startAfter);
        const part = page("", { isRecursive, limit, startAfter: after });
        paged.push(...part.nodes.map((node) => Buffer.from(node.key, "latin1").toString()));
        startAfter = paged.at(-1) ?? null;
        more = part.hasMore;
        expect(part.nodes.length).toBeLessThanOrEqual(limit);
      }
      expect(paged).toEqual(all);
    }
  });

  it("says that there is more exactly when there is", () => {
    expect(page("", { limit: 3 }).hasMore).toBe(true);
    expect(page("", { limit: 4 }).hasMore).toBe(false);
    expect(page("a/b", { isRecursive: true, limit: 1 }).hasMore).toBe(true);
  });

  it("goes on behind a key that is not there any more", () => {
    expect(keys("", { startAfter: toByteKey("b") })).toEqual(["z", "ä"]);
    expect(keys("", { isRecursive: true, startAfter: toByteKey("a/b/cc") })).toEqual([
      "a/b/d",
      "a/e",
      "a-b",
      "z",
      "ä",
      "ä/x",
    ]);
    expect(keys("", { isRecursive: true, startAfter: toByteKey("a/c/gone") })[0]).toBe("a/e");
    expect(keys("", { isRecursive: true, startAfter: toByteKey("z/gone") })[0]).toBe("ä");
  });

  it("without recursion goes on behind the child on the way to a deeper key", () => {
    expect(keys("", { startAfter: toByteKey("a/b") })).toEqual(["a-b", "z", "ä"]);
  });

  it("ends a page with the node that makes it large enough", () => {
    expect(keys("a/b", { maxBytes: 1 })).toEqual(["a/b/c"]);
    expect(page("a/b", { maxBytes: 1 }).hasMore).toBe(true);
    expect(keys("a/b", { maxBytes: 15 })).toEqual(["a/b/c"]);
    expect(keys("a/b", { maxBytes: 15, isKeysOnly: true })).toEqual(["a/b/c", "a/b/d"]);
  });

  it("of an empty directory has one empty page", () => {
    const empty = new Tree();
    const request = {
      isRecursive: true,
      startAfter: null,
      limit: 1,
      maxBytes: 1,
      isKeysOnly: false,
    };
    expect(listPage(empty, empty.root, request)).toEqual({ nodes: [], hasMore: false });
  });
});

describe("a count", () => {
  it("is of children, or of everything below", () => {
    expect(countNodes(tree.root, false)).toBe(4);
    expect(countNodes(tree.root, true)).toBe(9);
    expect(countNodes(tree.root, true)).toBe(tree.nodeCount);
  });
});
