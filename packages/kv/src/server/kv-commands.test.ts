import { RpcError, Status } from "@dt/rpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLink } from "../../test/direct-channel.ts";
import type { Link } from "../../test/direct-channel.ts";
import { HeldGroup } from "../../test/held-group.ts";
import { KvClient } from "../client/kv-client.ts";
import { KvCommand } from "../command/numbers.ts";
import { addKvCommands } from "./kv-commands.ts";

const GROUP_ID = 3;

let link: Link;
let group: HeldGroup;
let kv: KvClient;

beforeEach(async () => {
  link = await openLink(GROUP_ID);
  group = new HeldGroup();
  addKvCommands(link.table, group, group.stateMachine, { maxListEntries: 3, maxReplyBytes: 5000 });
  kv = new KvClient(link.channel, { groupId: GROUP_ID });
});

afterEach(() => link.close());

/** Carries out one write at once. */
async function committed<T>(write: Promise<T>): Promise<T> {
  await group.holds(1);
  group.commit();
  return write;
}

/** Sends a body as it is. */
function send(command: number, body: string | Buffer): Promise<Buffer> {
  return link.channel.rpc.call(
    command,
    GROUP_ID,
    10_000,
    (writer, bytes) => writer.bytes(bytes),
    Buffer.from(body),
    (reply, start, end) => Buffer.from(reply.subarray(start, end)),
  );
}

describe("a write", () => {
  it("is answered when it is applied, not when it is proposed", async () => {
    let isAnswered = false;
    const write = kv.put("a", "x").finally(() => {
      isAnswered = true;
    });
    await group.holds(1);
    // A read that came later is answered: the write's answer would have come before it.
    expect(await kv.get("a")).toBeNull();
    expect(isAnswered).toBe(false);
    group.commit();
    expect(await write).toBe(1);
  });

  it.each([
    ["put", () => kv.put("a//b", "x"), "DT_KV_KEY_EMPTY_SEGMENT"],
    ["delete", () => kv.delete("a/"), "DT_KV_KEY_EMPTY_SEGMENT"],
    ["mkdir", () => kv.mkdir("//a"), "DT_KV_KEY_EMPTY_SEGMENT"],
    ["cas", () => kv.cas("a//b", { revision: 0 }, "x"), "DT_KV_KEY_EMPTY_SEGMENT"],
    ["put", () => kv.put("漢".repeat(4000), "x"), "DT_KV_KEY_TOO_LONG"],
    ["put", () => kv.put("a", "漢".repeat(400_000)), "DT_KV_VALUE_TOO_LARGE"],
  ])("with a key or value that no tree takes is not proposed: %s", async (_name, write, code) => {
    await expect(write()).rejects.toMatchObject({ name: "KvError", code, mayHaveExecuted: false });
    expect(group.heldCount).toBe(0);
  });

  it.each(Object.entries(KvCommand).filter(([name]) => name !== "mkdir"))(
    "or read without a body is refused: %s",
    async (_name, command) => {
      const error = await send(command, "").catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({
        status: Status.invalid,
        remoteCode: "DT_KV_REQUEST_MALFORMED",
      });
      expect(group.heldCount).toBe(0);
    },
  );

  it("is answered with the leader's address where nobody leads", async () => {
    group.refuseAll({
      code: "DT_RAFT_NOT_LEADER",
      leader: { nodeId: 2, host: "h", port: 5 },
    });
    const error = await kv.put("a", "x").catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      status: Status.notLeader,
      remoteCode: "DT_RAFT_NOT_LEADER",
      mayHaveExecuted: false,
    });
    expect(error instanceof RpcError && error.detail?.includes("h")).toBe(true);
  });

  it("may have been carried out when leadership is lost while it waits", async () => {
    const write = kv.put("a", "x");
    await group.holds(1);
    group.refuseAll({ code: "DT_RAFT_LEADERSHIP_LOST", term: 4 });
    await expect(write).rejects.toMatchObject({
      remoteCode: "DT_RAFT_LEADERSHIP_LOST",
      mayHaveExecuted: true,
    });
  });

  it("is answered with the refusal of the tree", async () => {
    await committed(kv.put("a/b", "x"));
    const cases = [
      [kv.put("a", "x"), "DT_KV_IS_DIRECTORY"],
      [kv.cas("a", { revision: 0 }, "x"), "DT_KV_IS_DIRECTORY"],
      [kv.put("a/b/c", "x"), "DT_KV_PARENT_IS_VALUE"],
      [kv.mkdir("a/b"), "DT_KV_NOT_DIRECTORY"],
      [kv.delete("a"), "DT_KV_NOT_EMPTY"],
      [kv.delete(""), "DT_KV_IS_ROOT"],
    ] as const;
    const answers = Promise.allSettled(cases.map(([write]) => write));
    await group.holds(cases.length);
    group.commit();
    expect(
      (await answers).map((answer) => answer.status === "rejected" && answer.reason.code),
    ).toEqual(cases.map(([, code]) => code));
    expect(group.stateMachine.tree.revision).toBe(1);
  });
});

describe("a read", () => {
  it("waits without a lease, and sees what was committed meanwhile", async () => {
    group.hasLease = false;
    const reads = Promise.all([kv.get("a"), kv.batchGet(["a"]), kv.list(""), kv.count("")]);
    await group.holds(4);
    const write = kv.put("a", "x");
    await group.holds(5);
    group.commit();
    group.confirm();
    const [node, batch, page, count] = await reads;
    expect(node).toMatchObject({ kind: "value", modRevision: 1 });
    expect(batch).toMatchObject([{ isOk: true, node: { modRevision: 1 } }]);
    expect(page).toMatchObject({ revision: 1, entries: [{ key: "a" }] });
    expect(count).toEqual({ revision: 1, count: 1 });
    expect(await write).toBe(1);
  });

  it("that may be stale does not wait, whoever leads", async () => {
    await committed(kv.put("a", "x"));
    group.hasLease = false;
    group.refuseAll({ code: "DT_RAFT_NOT_LEADER", leader: null });
    const stale = { stale: true };
    expect(await kv.get("a", stale)).toMatchObject({ modRevision: 1 });
    expect(await kv.batchGet(["a", "b"], stale)).toMatchObject([{ isOk: true }, { isOk: true }]);
    expect((await kv.list("", stale)).entries).toHaveLength(1);
    expect((await kv.listKeys("", stale)).entries).toHaveLength(1);
    expect((await kv.count("", stale)).count).toBe(1);
  });

  it.each([
    ["get", () => kv.get("a")],
    ["batchGet", () => kv.batchGet(["a"])],
    ["list", () => kv.list("")],
  ])("is refused where nobody leads: %s", async (_name, read) => {
    group.hasLease = false;
    group.refuseAll({ code: "DT_RAFT_NOT_LEADER", leader: null });
    await expect(read()).rejects.toMatchObject({ status: Status.notLeader });
  });

  it("of an ill-formed key is refused and not just absent", async () => {
    await expect(kv.get("a//b")).rejects.toMatchObject({ code: "DT_KV_KEY_EMPTY_SEGMENT" });
    await expect(kv.list("a/")).rejects.toMatchObject({ code: "DT_KV_KEY_EMPTY_SEGMENT" });
    await expect(send(KvCommand.get, Buffer.from([0, 0x80]))).rejects.toMatchObject({
      remoteCode: "DT_KV_KEY_UTF8",
    });
  });

  it("of many values comes in as many replies as it takes", async () => {
    const puts = ["a", "b", "c", "d"].map((key) => ({ key, value: key.repeat(4000) }));
    await committed(kv.batchPut(puts));
    const results = await kv.batchGet(["a", "b", "x//y", "c", "none", "d"]);
    expect(
      results.map((result) =>
        result.isOk ? (result.node?.kind === "value" && result.node.value[0]) || null : result.code,
      ),
    ).toEqual([0x61, 0x62, "DT_KV_KEY_EMPTY_SEGMENT", 0x63, null, 0x64]);
    // a and b reach the limit of 5000 bytes; x//y, c, none and d are left for the second reply.
    expect(link.channel.callCount).toBe(3);
    expect(await kv.batchGet([])).toEqual([]);
  });
});

describe("a list", () => {
  beforeEach(async () => {
    const keys = ["d/a", "d/b", "d/c", "d/d", "d/e/f"];
    await committed(kv.batchPut(keys.map((key) => ({ key, value: key }))));
  });

  async function keysOf(directory: string, recursive: boolean, limit?: number): Promise<string[]> {
    const keys: string[] = [];
    for (let more = true; more;) {
      const startAfter = keys.at(-1) ?? "";
      const page = await kv.list(directory, {
        recursive,
        startAfter,
        ...(limit === undefined ? {} : { limit }),
      });
      keys.push(...page.entries.map((entry) => entry.key));
      expect(page.entries.length).toBeLessThanOrEqual(Math.min(limit ?? 3, 3));
      more = page.hasMore;
    }
    return keys;
  }

  it("is read page by page, each no longer than client and server want", async () => {
    const children = ["d/a", "d/b", "d/c", "d/d", "d/e"];
    expect(await keysOf("d", false)).toEqual(children);
    expect(await keysOf("/d", false, 2)).toEqual(children);
    expect(await keysOf("d", true, 1000)).toEqual([...children, "d/e/f"]);
    expect(await keysOf("", true)).toEqual(["d", ...children, "d/e/f"]);
  });

  it("has values and fields, or keys only", async () => {
    const page = await kv.list("d", { limit: 1 });
    expect(page).toMatchObject({
      revision: 5,
      hasMore: true,
      entries: [
        { key: "d/a", node: { kind: "value", value: Buffer.from("d/a"), createRevision: 1 } },
      ],
    });
    expect(await kv.listKeys("", {})).toEqual({
      revision: 5,
      hasMore: false,
      entries: [{ key: "d", kind: "directory" }],
    });
  });

  it("is counted", async () => {
    expect(await kv.count("d")).toEqual({ revision: 5, count: 5 });
    expect(await kv.count("", { recursive: true })).toEqual({ revision: 5, count: 7 });
  });

  it("of what is not there is empty, of a value it is refused", async () => {
    expect(await kv.list("none")).toEqual({ revision: 5, entries: [], hasMore: false });
    expect((await kv.count("none", { recursive: true })).count).toBe(0);
    await expect(kv.list("d/a")).rejects.toMatchObject({ code: "DT_KV_NOT_DIRECTORY" });
    await expect(kv.count("d/a")).rejects.toMatchObject({ code: "DT_KV_NOT_DIRECTORY" });
  });

  it("starts only behind a key that could be in it", async () => {
    await expect(kv.list("d", { startAfter: "c" })).rejects.toMatchObject({
      code: "DT_KV_REQUEST_MALFORMED",
    });
  });
});

describe("the options", () => {
  it("are refused with everything that is wrong with them", () => {
    const options = { maxListEntries: 0, maxReplyBytes: 1.5, maxKeys: 3 };
    expect(() => addKvCommands(link.table, group, group.stateMachine, options)).toThrow(
      expect.objectContaining({
        code: "DT_KV_OPTIONS",
        fault: {
          code: "DT_KV_OPTIONS",
          problems: [
            "maxKeys: unknown option",
            "maxListEntries: 0 is not an integer in 1..100000",
            "maxReplyBytes: 1.5 is not an integer in 1..1073741824",
          ],
        },
      }),
    );
  });
});
