import { describe, expect, it } from "vitest";
import { payload } from "../../test/payload.ts";
import { Refusal } from "../refusal.ts";
import { MAX_KEY_BYTES } from "../store/byte-key.ts";
import { MAX_VALUE_BYTES } from "../store/record.ts";
import { checkBatchGet, encodeBatchGet, forEachBatchKey } from "./batch-get.ts";
import { BatchPutWalk, encodeBatchPut, MAX_BATCH_BYTES, MAX_BATCH_KEYS } from "./batch-put.ts";
import { checkCas, encodeCas, readCas } from "./cas.ts";
import { checkDelete, encodeDelete } from "./delete.ts";
import { encodeGet } from "./get.ts";
import { encodeList, readList } from "./list.ts";
import type { ListRequest } from "./list.ts";
import { checkMkdir, encodeMkdir } from "./mkdir.ts";
import { checkPut, encodePut } from "./put.ts";

const LIST: ListRequest = {
  directory: "/d",
  startAfter: "d/a",
  limit: 258,
  isRecursive: false,
  isKeysOnly: false,
  isCountOnly: false,
  flags: 0,
};

/** The layouts are on the wire and in logs: these bytes never change. */
const VECTORS: readonly (readonly [name: string, actual: Buffer, hex: string])[] = [
  ["put", payload(encodePut, { key: "a/ä", value: Buffer.from([1, 2]) }), "0004 612fc3a4 0102"],
  ["put of text", payload(encodePut, { key: "a", value: "ä" }), "0001 61 c3a4"],
  ["put of nothing", payload(encodePut, { key: "a", value: "" }), "0001 61"],
  ["get", payload(encodeGet, { key: "a", flags: 0 }), "00 61"],
  ["stale get", payload(encodeGet, { key: "a", flags: 1 }), "01 61"],
  ["delete", payload(encodeDelete, { key: "a", isRecursive: false }), "00 61"],
  ["recursive delete", payload(encodeDelete, { key: "a", isRecursive: true }), "01 61"],
  ["mkdir", payload(encodeMkdir, "a/b"), "612f62"],
  [
    "cas by revision",
    payload(encodeCas, { key: "a", expected: { revision: 258 }, value: "v" }),
    "00 0001 61 0000000000000102 76",
  ],
  [
    "cas by value",
    payload(encodeCas, { key: "a", expected: { value: "xy" }, value: "v" }),
    "01 0001 61 00000002 7879 76",
  ],
  [
    "cas of nothing",
    payload(encodeCas, { key: "a", expected: { value: null }, value: "v" }),
    "00 0001 61 0000000000000000 76",
  ],
  [
    "cas of nothing, and of no revision",
    payload(encodeCas, {
      key: "a",
      expected: { revision: undefined, value: null } as never,
      value: "v",
    }),
    "00 0001 61 0000000000000000 76",
  ],
  [
    "batch put",
    payload(encodeBatchPut, [
      { key: "a", value: "xy" },
      { key: "b", value: "" },
    ]),
    "0002 0001 61 00000002 7879 0001 62 00000000",
  ],
  ["batch get", payload(encodeBatchGet, { keys: ["a", ""], flags: 1 }), "01 0002 0001 61 0000"],
  ["list", payload(encodeList, LIST), "00 00000102 0002 2f64 642f61"],
  [
    "list with all flags",
    payload(encodeList, {
      ...LIST,
      startAfter: "",
      isRecursive: true,
      isKeysOnly: true,
      isCountOnly: true,
      flags: 1,
    }),
    "0f 00000102 0002 2f64",
  ],
];

describe("a request", () => {
  it.each(VECTORS)("is laid out as it always was: %s", (_name, actual, hex) => {
    expect(actual.toString("hex")).toBe(hex.replaceAll(" ", ""));
  });
});

type Check = (buf: Buffer, start: number, end: number) => Refusal | 0;

const CHECKS: Readonly<Record<string, Check>> = {
  put: checkPut,
  delete: checkDelete,
  mkdir: checkMkdir,
  cas: checkCas,
  batchPut: (buf, start, end) => new BatchPutWalk(buf, start, end).check(),
  batchGet: checkBatchGet,
  list: (buf, start, end) => {
    const fields = readList(buf, start, end);
    return typeof fields === "number" ? fields : 0;
  },
};

const SOUND: readonly (readonly [keyof typeof CHECKS, Buffer])[] = [
  ["put", payload(encodePut, { key: "a/b", value: "v" })],
  ["delete", payload(encodeDelete, { key: "a/b", isRecursive: true })],
  ["mkdir", payload(encodeMkdir, "/a/b")],
  ["cas", payload(encodeCas, { key: "a", expected: { revision: 1 }, value: "v" })],
  ["cas", payload(encodeCas, { key: "a", expected: { value: "x" }, value: "" })],
  ["batchPut", payload(encodeBatchPut, [{ key: "a", value: "v" }])],
  ["batchPut", payload(encodeBatchPut, [])],
  ["batchGet", payload(encodeBatchGet, { keys: ["a"], flags: 0 })],
  ["list", payload(encodeList, LIST)],
];

describe("the check of a request", () => {
  it.each(SOUND)("accepts what a client sends, wherever it lies in a buffer: %s", (name, body) => {
    const buf = Buffer.concat([Buffer.from("//"), body, Buffer.from("//")]);
    expect(CHECKS[name]?.(buf, 2, 2 + body.length)).toBe(0);
  });

  it("never reads beyond the body", () => {
    for (const [name, body] of SOUND) {
      for (let length = 0; length < body.length; length++) {
        // The bytes that would make it whole do follow, but belong to something else.
        const outcome = CHECKS[name]?.(body, 0, length);
        const alone = CHECKS[name]?.(Buffer.from(body.subarray(0, length)), 0, length);
        expect([name, length, outcome]).toEqual([name, length, alone]);
      }
    }
  });

  it.each([
    ["put", ""],
    ["put", "00"],
    ["put", "0002 61"],
    ["delete", ""],
    ["cas", ""],
    ["cas", "00 0001 61 00000000000000"],
    ["cas", "01 0001 61 000000"],
    ["cas", "01 0001 61 00000002 78"],
    ["cas", "02 0001 61 0000000000000000"],
    ["batchPut", "00"],
    ["batchPut", "0001"],
    ["batchPut", "0001 0001 61 00000002 78"],
    ["batchPut", "0001 0001 61 00000001 7878"],
    ["batchPut", "0001 0005 61 00000000"],
    ["batchGet", "00 00"],
    ["batchGet", "00 0001 0002 61"],
    ["batchGet", "00 0000 00"],
    ["list", "00 00000000 00"],
    ["list", "00 00000000 0002 61"],
    ["list", "00 00000000 0001 61 62"],
    ["list", "00 00000000 0001 61 61"],
  ])("refuses a malformed %s: %s", (name, hex) => {
    const body = Buffer.from(hex.replaceAll(" ", ""), "hex");
    expect(CHECKS[name]?.(body, 0, body.length)).toBe(Refusal.requestMalformed);
  });

  it.each([
    ["put", payload(encodePut, { key: "a//b", value: "" })],
    ["delete", payload(encodeDelete, { key: "a//b", isRecursive: false })],
    ["mkdir", payload(encodeMkdir, "a//b")],
    ["cas", payload(encodeCas, { key: "a//b", expected: { revision: 0 }, value: "" })],
    ["list", payload(encodeList, { ...LIST, directory: "a//b" })],
    ["list", payload(encodeList, { ...LIST, startAfter: "d//b" })],
  ])("refuses the key of a %s", (name, body) => {
    expect(CHECKS[name]?.(body, 0, body.length)).toBe(Refusal.keyEmptySegment);
  });

  it.each([
    ["put", (value: string) => payload(encodePut, { key: "a", value })],
    ["cas", (value: string) => payload(encodeCas, { key: "a", expected: { value: "x" }, value })],
  ])("accepts the largest value of a %s and none larger", (name, encode) => {
    const largest = encode("v".repeat(MAX_VALUE_BYTES));
    const tooLarge = encode("v".repeat(MAX_VALUE_BYTES + 1));
    expect(CHECKS[name]?.(largest, 0, largest.length)).toBe(0);
    expect(CHECKS[name]?.(tooLarge, 0, tooLarge.length)).toBe(Refusal.valueTooLarge);
  });

  it("accepts the longest key and none longer", () => {
    const longest = payload(encodePut, { key: `/${"k".repeat(MAX_KEY_BYTES)}`, value: "" });
    const tooLong = payload(encodePut, { key: "k".repeat(MAX_KEY_BYTES + 1), value: "" });
    expect(checkPut(longest, 0, longest.length)).toBe(0);
    expect(checkPut(tooLong, 0, tooLong.length)).toBe(Refusal.keyTooLong);
  });

  it("limits the keys and the bytes of a batch", () => {
    const keys = Array.from({ length: MAX_BATCH_KEYS + 1 }, () => "k");
    const puts = keys.map((key) => ({ key, value: "" }));
    const half = { key: "k", value: "v".repeat(MAX_BATCH_BYTES / 2) };
    for (const [name, body] of [
      ["batchGet", payload(encodeBatchGet, { keys, flags: 0 })],
      ["batchPut", payload(encodeBatchPut, puts)],
      ["batchPut", payload(encodeBatchPut, [half, half])],
    ] as const) {
      expect(CHECKS[name]?.(body, 0, body.length)).toBe(Refusal.batchTooLarge);
    }
    const most = payload(encodeBatchPut, puts.slice(1));
    expect(CHECKS["batchPut"]?.(most, 0, most.length)).toBe(0);
  });

  it("leaves what is wrong with one key of a batch to that key", () => {
    const body = payload(encodeBatchPut, [{ key: "a//b", value: "" }]);
    expect(new BatchPutWalk(body, 0, body.length).check()).toBe(0);
    const keys = payload(encodeBatchGet, { keys: ["a//b"], flags: 0 });
    expect(checkBatchGet(keys, 0, keys.length)).toBe(0);
  });
});

describe("the fields of a request", () => {
  it("of a cas are found", () => {
    const body = payload(encodeCas, { key: "/a", expected: { value: "xy" }, value: "v" });
    expect(readCas(body, 0, body.length)).toEqual({
      keyStart: 4,
      keyEnd: 5,
      revision: -1,
      expectedStart: 9,
      expectedEnd: 11,
    });
    const large = payload(encodeCas, {
      key: "a",
      expected: { revision: Number.MAX_SAFE_INTEGER },
      value: "v",
    });
    expect(readCas(large, 0, large.length)).toMatchObject({ revision: Number.MAX_SAFE_INTEGER });
  });

  it("of a list are normalised", () => {
    const body = payload(encodeList, { ...LIST, startAfter: "/d/a" });
    expect(readList(body, 0, body.length)).toMatchObject({
      directory: "d",
      startAfter: "d/a",
      limit: 258,
    });
  });

  it("of a batch of gets are found in order", () => {
    const body = payload(encodeBatchGet, { keys: ["a", "", "bc"], flags: 0 });
    const keys: string[] = [];
    forEachBatchKey(body, 0, (start, end) => keys.push(body.toString("utf8", start, end)));
    expect(keys).toEqual(["a", "", "bc"]);
  });
});
