import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KvClient } from "../src/client/kv-client.ts";
import type { KvNode } from "../src/command/node-record.ts";
import { GROUP_ID, startKvCluster } from "./kv-cluster.ts";
import type { KvCluster } from "./kv-cluster.ts";

let cluster: KvCluster;
let kv: KvClient;
let test = 0;
/** A directory of the running test's own. */
let dir: string;

beforeAll(async () => {
  cluster = await startKvCluster(1);
  kv = new KvClient(cluster.client, { groupId: GROUP_ID });
});

beforeEach(() => {
  dir = `test-${++test}`;
});

afterAll(() => cluster.close());

function text(node: KvNode | null): string | null {
  return node?.kind === "value" ? node.value.toString() : null;
}

describe("a client of a group", () => {
  it("reads what it has put, as text or as bytes", async () => {
    const before = Date.now();
    const revision = await kv.put(`${dir}/a`, "ä");
    const read = await kv.get(`/${dir}/a`);
    expect(read).toEqual({
      kind: "value",
      value: Buffer.from("ä"),
      createRevision: revision,
      modRevision: revision,
      version: 1,
      createdMs: expect.any(Number),
      updatedMs: read?.createdMs,
    });
    expect(read?.createdMs).toBeGreaterThanOrEqual(before);
    expect(read?.createdMs).toBeLessThanOrEqual(Date.now());
    const bytes = Buffer.from([0, 255, 128]);
    await kv.put(`${dir}/a`, bytes);
    expect(await kv.get(`${dir}/a`)).toMatchObject({ value: bytes, version: 2 });
  });

  it("finds directories, and nothing where nothing is", async () => {
    await kv.put(`${dir}/a/b`, "x");
    expect(await kv.get(`${dir}/a`)).toMatchObject({ kind: "directory", version: 1 });
    expect(await kv.get("/")).toMatchObject({ kind: "directory" });
    expect(await kv.get(`${dir}/none`)).toBeNull();
    expect(await kv.get(`${dir}/a/b/c`)).toBeNull();
  });

  it("gets one revision more for every write", async () => {
    const first = await kv.put(`${dir}/a`, "1");
    expect(await kv.mkdir(`${dir}/d`)).toBe(first + 1);
    expect(await kv.mkdir(`${dir}/d`)).toBe(0);
    expect(await kv.delete(`${dir}/none`)).toBe(0);
    expect(await kv.delete(`${dir}/a`)).toBe(first + 2);
    expect(await kv.delete(dir, { recursive: true })).toBe(first + 3);
    expect(await kv.get(dir)).toBeNull();
  });

  it("keeps the order of writes that it did not wait for", async () => {
    const revisions = await Promise.all(
      Array.from({ length: 500 }, (_, i) => kv.put(`${dir}/a`, String(i))),
    );
    expect(revisions.map((revision) => revision - (revisions[0] ?? 0))).toEqual(
      revisions.map((_, i) => i),
    );
    expect(text(await kv.get(`${dir}/a`))).toBe("499");
  });

  it("swaps only what is there", async () => {
    const created = await kv.cas(`${dir}/a`, { value: null }, "1");
    if (!created.isSwapped) {
      throw new Error("nothing was there, and still it did not swap");
    }
    const { revision } = created;
    expect(await kv.cas(`${dir}/a`, { revision: 0 }, "2")).toEqual({
      isSwapped: false,
      modRevision: revision,
    });
    expect(await kv.cas(`${dir}/a`, { value: "1" }, "2")).toEqual({
      isSwapped: true,
      revision: revision + 1,
    });
    expect(text(await kv.get(`${dir}/a`))).toBe("2");
  });

  it("lets one of many swaps with the same expectation happen", async () => {
    const revision = await kv.put(`${dir}/a`, "0");
    const swaps = await Promise.all(
      Array.from({ length: 50 }, (_, i) => kv.cas(`${dir}/a`, { revision }, String(i))),
    );
    expect(swaps.filter((swap) => swap.isSwapped)).toHaveLength(1);
  });

  it("puts and gets many at once, each with its own outcome", async () => {
    const [a, b, c] = [`${dir}/a`, `${dir}/a/b`, `${dir}/c`];
    const puts = await kv.batchPut([
      { key: a, value: "1" },
      { key: b, value: "2" },
      { key: c, value: "3" },
    ]);
    expect(puts).toEqual([
      { isOk: true, revision: expect.any(Number) },
      { isOk: false, code: "DT_KV_PARENT_IS_VALUE" },
      { isOk: true, revision: expect.any(Number) },
    ]);
    const gets = await kv.batchGet([c, b, a]);
    expect(gets.map((get) => get.isOk && text(get.node))).toEqual(["3", null, "1"]);
  });

  it("gets the store's refusals as errors of this package", async () => {
    await kv.put(`${dir}/a`, "x");
    await expect(kv.put(dir, "x")).rejects.toMatchObject({
      name: "KvError",
      code: "DT_KV_IS_DIRECTORY",
      mayHaveExecuted: false,
    });
    await expect(kv.get(`${dir}//a`)).rejects.toMatchObject({ code: "DT_KV_KEY_EMPTY_SEGMENT" });
    await expect(kv.delete(dir)).rejects.toMatchObject({ code: "DT_KV_NOT_EMPTY" });
  });

  it("stores the longest key and the largest value", async () => {
    const key = `${dir}/${"k".repeat(8192 - dir.length - 1)}`;
    const value = Buffer.alloc(1 << 20, "v");
    await kv.put(key, value);
    const [entry] = (await kv.list(dir)).entries;
    expect(entry?.key).toBe(key);
    for (const node of [await kv.get(key), entry?.node]) {
      expect(node?.kind === "value" && node.value.equals(value)).toBe(true);
    }
  });

  it("swaps the largest values by revision, which leaves room for one of them", async () => {
    const value = Buffer.alloc(1 << 20, "v");
    const revision = await kv.put(`${dir}/a`, value);
    await expect(kv.cas(`${dir}/a`, { value }, value)).rejects.toMatchObject({
      remoteCode: "DT_RAFT_ENTRY_TOO_LARGE",
      mayHaveExecuted: false,
    });
    expect(await kv.cas(`${dir}/a`, { revision }, value)).toMatchObject({ isSwapped: true });
  });

  it("refuses a batch that fits into no frame by the code of one that is too large", async () => {
    const value = Buffer.alloc(1 << 20, "v");
    const puts = Array.from({ length: 20 }, (_, i) => ({ key: `${dir}/${i}`, value }));
    await expect(kv.batchPut(puts)).rejects.toMatchObject({ code: "DT_KV_BATCH_TOO_LARGE" });
    expect(await kv.get(dir)).toBeNull();
  });

  it("gets the largest values page by page", async () => {
    const value = Buffer.alloc(1 << 20, "v");
    const names = ["a", "b", "c"];
    await Promise.all(names.map((name) => kv.put(`${dir}/${name}`, value)));
    const page = await kv.list(dir);
    expect(page.entries.map(({ key }) => key)).toEqual([`${dir}/a`]);
    expect(page.hasMore).toBe(true);
    const gets = await kv.batchGet(names.map((name) => `${dir}/${name}`));
    expect(gets.every((get) => get.isOk && get.node?.kind === "value")).toBe(true);
  });
});
