import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KvClient } from "../src/client/kv-client.ts";
import { GROUP_ID, startOneNode } from "./one-node.ts";
import type { OneNode } from "./one-node.ts";

let node: OneNode;
let kv: KvClient;

beforeAll(async () => {
  node = await startOneNode();
  kv = new KvClient(node.client, { groupId: GROUP_ID });
});

afterAll(() => node.close());

describe("a client of a group of one", () => {
  it("reads what it has put", async () => {
    const revision = await kv.put("app/name", "dt");
    const read = await kv.get("app/name");
    expect(read).toMatchObject({ kind: "value", modRevision: revision, version: 1 });
    expect(read?.kind === "value" && read.value.toString()).toBe("dt");
  });
});
