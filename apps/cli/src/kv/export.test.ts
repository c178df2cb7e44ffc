import { KvClient, KvCommand } from "@dt/kv";
import type { KvChannel, KvEntry, KvNode } from "@dt/kv";
import { describe, expect, it } from "vitest";
import { readStore } from "./export.ts";

const FIELDS = { createRevision: 1, modRevision: 1, version: 1, createdMs: 1, updatedMs: 1 };
const DIRECTORY: KvNode = { kind: "directory", ...FIELDS };

interface Page {
  readonly revision: number;
  readonly entries: readonly KvEntry[];
  readonly hasMore: boolean;
}

function page(revision: number, keys: readonly string[], hasMore = false): Page {
  const entries = keys.map((key): KvEntry => {
    const value = Buffer.from(`of ${revision}`);
    return { key, node: { kind: "value", ...FIELDS, value } };
  });
  return { revision, entries, hasMore };
}

/** Answers gets and pages as they are given, the last of each again and again. */
function treeOf(gets: readonly (KvNode | null)[], pages: readonly Page[]): KvClient {
  let getCount = 0;
  let listCount = 0;
  const channel: KvChannel = {
    async call<A, T>(command: number, _groupId: number, _encode: unknown, argument: A) {
      if (command === KvCommand.get) {
        return (gets[getCount++] ?? gets.at(-1) ?? null) as T;
      }
      if ((argument as { readonly isCountOnly: boolean }).isCountOnly) {
        return { revision: 1, count: 2 } as T;
      }
      return (pages[listCount++] ?? pages.at(-1)) as T;
    },
  };
  return new KvClient(channel, { groupId: 1 });
}

function read(gets: readonly (KvNode | null)[], pages: readonly Page[]) {
  const progress = { advance: () => undefined, stop: () => undefined };
  return readStore(treeOf(gets, pages), "d", [], () => progress);
}

describe("what is exported while others write", () => {
  it("is read again until its pages are of one revision", async () => {
    const mixed = [page(1, ["d/a"], true), page(2, ["d/b"])];
    const { tree, isOneRevision } = await read(
      [DIRECTORY],
      [...mixed, page(3, ["d/a"], true), page(3, ["d/b"])],
    );
    expect(isOneRevision).toBe(true);
    expect(tree).toEqual(
      new Map([
        ["a", "of 3"],
        ["b", "of 3"],
      ]),
    );
  });

  it("is said to be mixed when it never is", async () => {
    const pages = Array.from({ length: 10 }, (_, i) => page(i, [`d/${i % 2}`], i % 2 === 0));
    expect((await read([DIRECTORY], pages)).isOneRevision).toBe(false);
  });

  it("is nothing, and not an empty map, when its directory goes before it is listed", async () => {
    await expect(read([DIRECTORY, null], [page(2, [])])).rejects.toMatchObject({
      code: "DT_CLI_NOT_FOUND",
    });
    expect((await read([DIRECTORY], [page(2, [])])).tree).toEqual(new Map());
  });
});
