import { RpcError, Status } from "@dt/rpc";
import { describe, expect, it } from "vitest";
import { payload } from "../../test/payload.ts";
import { encodeBatchGetReply } from "../command/batch-get.ts";
import type { KvChannel } from "./channel.ts";
import { toKvError } from "./client-check.ts";
import { KvClient } from "./kv-client.ts";

const unreachable: KvChannel = {
  call: () => {
    throw new Error("a call that cannot be right was made");
  },
};
const kv = new KvClient(unreachable, { groupId: 1 });
const longKey = "k".repeat(8194);
const largeValue = Buffer.alloc((1 << 20) + 1);
const largestValue = Buffer.alloc(1 << 20);
const manyKeys = Array.from({ length: 1025 }, () => "k");

describe("what cannot be right", () => {
  it.each([
    ["a long key", () => kv.put(longKey, ""), "DT_KV_KEY_TOO_LONG"],
    ["a long key to get", () => kv.get(longKey), "DT_KV_KEY_TOO_LONG"],
    ["a lone surrogate in a key", () => kv.get("\ud800"), "DT_KV_KEY_UTF8"],
    ["a lone surrogate to delete", () => kv.delete("\ud800"), "DT_KV_KEY_UTF8"],
    ["a lone surrogate as a directory", () => kv.mkdir("\ud800"), "DT_KV_KEY_UTF8"],
    ["a large value", () => kv.put("k", largeValue), "DT_KV_VALUE_TOO_LARGE"],
    ["a lone surrogate in a value", () => kv.put("k", "\ud800"), "DT_KV_REQUEST_MALFORMED"],
    [
      "a large value to swap in",
      () => kv.cas("k", { revision: 0 }, largeValue),
      "DT_KV_VALUE_TOO_LARGE",
    ],
    [
      "a large value to compare",
      () => kv.cas("k", { value: largeValue }, ""),
      "DT_KV_VALUE_TOO_LARGE",
    ],
    ["a fractional revision", () => kv.cas("k", { revision: 0.5 }, ""), "DT_KV_REQUEST_MALFORMED"],
    ["a negative revision", () => kv.cas("k", { revision: -1 }, ""), "DT_KV_REQUEST_MALFORMED"],
    [
      "a revision and a value to compare at once",
      () => kv.cas("k", { revision: 1, value: "x" }, ""),
      "DT_KV_REQUEST_MALFORMED",
    ],
    ["nothing to compare", () => kv.cas("k", {} as never, ""), "DT_KV_REQUEST_MALFORMED"],
    ["a number as a key", () => kv.get(42 as never), "DT_KV_REQUEST_MALFORMED"],
    ["a number as a value", () => kv.put("k", 42 as never), "DT_KV_REQUEST_MALFORMED"],
    ["no value at all", () => kv.put("k", undefined as never), "DT_KV_REQUEST_MALFORMED"],
    [
      "words of two bytes as a value",
      () => kv.put("k", new Uint16Array([300]) as never),
      "DT_KV_REQUEST_MALFORMED",
    ],
    [
      "puts of too many bytes",
      () => kv.batchPut(["a", "b"].map((key) => ({ key, value: largestValue }))),
      "DT_KV_BATCH_TOO_LARGE",
    ],
    ["too many keys to get", () => kv.batchGet(manyKeys), "DT_KV_BATCH_TOO_LARGE"],
    [
      "too many puts",
      () => kv.batchPut(manyKeys.map((key) => ({ key, value: "" }))),
      "DT_KV_BATCH_TOO_LARGE",
    ],
    ["a long key among many", () => kv.batchGet(["a", longKey]), "DT_KV_KEY_TOO_LONG"],
    [
      "a large value among many",
      () => kv.batchPut([{ key: "a", value: largeValue }]),
      "DT_KV_VALUE_TOO_LARGE",
    ],
    ["a long key to start after", () => kv.list("", { startAfter: longKey }), "DT_KV_KEY_TOO_LONG"],
    ["a fractional limit", () => kv.list("", { limit: 0.5 }), "DT_KV_REQUEST_MALFORMED"],
    [
      "a limit of more than 32 bits",
      () => kv.listKeys("", { limit: 2 ** 32 }),
      "DT_KV_REQUEST_MALFORMED",
    ],
    ["a long key of a directory", () => kv.count(longKey), "DT_KV_KEY_TOO_LONG"],
  ])("is refused without a call: %s", async (_name, call, code) => {
    await expect(call()).rejects.toMatchObject({ name: "KvError", code, mayHaveExecuted: false });
  });
});

describe("a call", () => {
  const retries: (boolean | undefined)[] = [];
  const noting: KvChannel = {
    call: (_command, _groupId, _encode, _argument, _decode, options) => {
      retries.push(options?.idempotent);
      return Promise.reject(new Error("not answered"));
    },
  };
  const client = new KvClient(noting, { groupId: 1 });

  it.each([
    ["put", () => client.put("k", ""), false],
    ["delete", () => client.delete("k"), false],
    ["mkdir", () => client.mkdir("k"), false],
    ["cas", () => client.cas("k", { revision: 0 }, ""), false],
    ["batchPut", () => client.batchPut([]), false],
    ["get", () => client.get("k"), true],
    ["batchGet", () => client.batchGet(["k"]), true],
    ["list", () => client.list(""), true],
    ["listKeys", () => client.listKeys(""), true],
    ["count", () => client.count(""), true],
  ])("may be repeated after a lost answer only when it reads: %s", async (_name, call, isRead) => {
    await expect(call()).rejects.toThrow("not answered");
    expect(retries.splice(0)).toEqual([isRead]);
  });
});

describe("an answer to many keys", () => {
  it.each([
    ["of none of them", []],
    ["of more than were asked for", [null, null]],
  ])("%s makes no sense, and is not asked for without end", async (_name, outcomes) => {
    const reply = payload(encodeBatchGetReply, { revision: 1, outcomes });
    let calls = 0;
    const answering: KvChannel = {
      call: async (_command, _groupId, _encode, _argument, decode) => {
        calls++;
        if (calls > 3) {
          throw new Error("asked again and again");
        }
        return decode(reply, 0, reply.length);
      },
    };
    await expect(new KvClient(answering, { groupId: 1 }).batchGet(["k"])).rejects.toMatchObject({
      code: "DT_KV_BAD_REPLY",
    });
  });
});

describe("an answer with an error", () => {
  const remote = {
    code: "DT_RPC_REMOTE",
    status: Status.invalid,
    remoteMessage: "the key is a directory",
    detail: null,
  } as const;

  it("of the store becomes an error of this package, with what the store said", () => {
    const cause = new RpcError({ ...remote, remoteCode: "DT_KV_IS_DIRECTORY" });
    const error = toKvError(cause);
    expect(error).toMatchObject({
      name: "KvError",
      code: "DT_KV_IS_DIRECTORY",
      message: "DT_KV_IS_DIRECTORY: the key is a directory",
      cause,
    });
  });

  it("of anybody else stays what it is", () => {
    for (const remoteCode of [null, "DT_RAFT_NOT_LEADER", "DT_KV_FROM_THE_FUTURE"]) {
      const error = new RpcError({ ...remote, remoteCode });
      expect(toKvError(error)).toBe(error);
    }
    const timeout = new RpcError({ code: "DT_RPC_TIMEOUT", timeoutMs: 1, wasSent: true });
    expect(toKvError(timeout)).toBe(timeout);
  });
});
