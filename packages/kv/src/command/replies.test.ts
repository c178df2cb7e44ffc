import { describe, expect, it } from "vitest";
import { payload } from "../../test/payload.ts";
import { Refusal } from "../refusal.ts";
import { toByteKey } from "../store/byte-key.ts";
import { DirectoryNode, ValueNode } from "../store/node.ts";
import { RecordSpace } from "../store/record-space.ts";
import { decodeBatchGetReply, encodeBatchGetReply } from "./batch-get.ts";
import { decodeBatchPutReply, encodeBatchPutReply } from "./batch-put.ts";
import { decodeCasReply, encodeCasReply } from "./cas.ts";
import { decodeGetReply, encodeGetReply } from "./get.ts";
import {
  decodeCountReply,
  decodeKeysReply,
  decodeListReply,
  encodeCountReply,
  encodeListReply,
} from "./list.ts";
import { decodeRevision, encodeRevision } from "./put.ts";

const CREATED_MS = 1_800_000_000_000;
const space = new RecordSpace();
const value = new ValueNode(toByteKey("d/ä"));
space.create(value, 3, CREATED_MS, Buffer.from("xy"), 0, 2);
const directory = new DirectoryNode(toByteKey("d"));
space.create(directory, 2, CREATED_MS, Buffer.alloc(0), 0, 0);
const fields = { modRevision: 3, version: 1, createdMs: CREATED_MS, updatedMs: CREATED_MS };
const readValue = { kind: "value", createRevision: 3, ...fields, value: Buffer.from("xy") };
const readDirectory = { kind: "directory", createRevision: 2, ...fields, modRevision: 2 };

function decoded<T>(
  decode: (body: Buffer, start: number, end: number) => T,
  body: Buffer,
  end = body.length,
): T {
  // In the middle of other bytes, as a reply lies in the receive buffer.
  const buf = Buffer.concat([Buffer.alloc(3, 1), body.subarray(0, end), Buffer.alloc(9, 1)]);
  return decode(buf, 3, 3 + end);
}

describe("a reply", () => {
  it("has the bytes it always had", () => {
    expect(payload(encodeRevision, 258).toString("hex")).toBe("0000000000000102");
    expect(payload(encodeGetReply, null).toString("hex")).toBe("00");
    const times = "000001a3185c5000".repeat(2);
    expect(payload(encodeGetReply, value).toString("hex")).toBe(
      `01${"0000000000000003".repeat(2)}0000000000000001${times}7879`,
    );
    expect(payload(encodeGetReply, directory).toString("hex")).toBe(
      `02${"0000000000000002".repeat(2)}0000000000000001${times}`,
    );
    expect(payload(encodeBatchPutReply, [5, Refusal.isDirectory]).toString("hex")).toBe(
      "0002000000000000000005" + "08",
    );
  });

  it("of a get is a value, a directory or nothing", () => {
    expect(decoded(decodeGetReply, payload(encodeGetReply, value))).toEqual(readValue);
    expect(decoded(decodeGetReply, payload(encodeGetReply, directory))).toEqual(readDirectory);
    expect(decoded(decodeGetReply, payload(encodeGetReply, null))).toBeNull();
  });

  it("of a get keeps no part of the receive buffer", () => {
    const body = payload(encodeGetReply, value);
    const read = decodeGetReply(body, 0, body.length);
    body.fill(0);
    expect(read).toEqual(readValue);
  });

  it("of a cas tells what was found or written", () => {
    for (const result of [
      { isSwapped: true, revision: 9 },
      { isSwapped: false, modRevision: 8 },
    ] as const) {
      expect(decoded(decodeCasReply, payload(encodeCasReply, result))).toEqual(result);
    }
  });

  it("of a batch of puts has an outcome per key", () => {
    const outcomes = [4, Refusal.parentIsValue, 5];
    expect(decoded(decodeBatchPutReply, payload(encodeBatchPutReply, outcomes))).toEqual([
      { isOk: true, revision: 4 },
      { isOk: false, code: "DT_KV_PARENT_IS_VALUE" },
      { isOk: true, revision: 5 },
    ]);
  });

  it("of a batch of gets has an outcome per key", () => {
    const outcomes = [value, null, Refusal.keyEmptySegment, directory];
    const body = payload(encodeBatchGetReply, { revision: 7, outcomes });
    expect(decoded(decodeBatchGetReply, body)).toEqual({
      revision: 7,
      results: [
        { isOk: true, node: readValue },
        { isOk: true, node: null },
        { isOk: false, code: "DT_KV_KEY_EMPTY_SEGMENT" },
        { isOk: true, node: readDirectory },
      ],
    });
  });

  it("of a list has nodes with their keys, or the keys only", () => {
    const page = { nodes: [directory, value], hasMore: true };
    const whole = payload(encodeListReply, { revision: 7, page, isKeysOnly: false });
    expect(decoded(decodeListReply, whole)).toEqual({
      revision: 7,
      hasMore: true,
      entries: [
        { key: "d", node: readDirectory },
        { key: "d/ä", node: readValue },
      ],
    });
    const keys = payload(encodeListReply, { revision: 7, page, isKeysOnly: true });
    expect(decoded(decodeKeysReply, keys)).toEqual({
      revision: 7,
      hasMore: true,
      entries: [
        { key: "d", kind: "directory" },
        { key: "d/ä", kind: "value" },
      ],
    });
  });

  it("of a count is a number", () => {
    const answer = { revision: 7, count: 12 };
    expect(decoded(decodeCountReply, payload(encodeCountReply, answer))).toEqual(answer);
  });
});

const page = { nodes: [directory, value], hasMore: false };

describe("a reply that is cut or too long", () => {
  it.each([
    ["put", decodeRevision, payload(encodeRevision, 1)],
    ["cas", decodeCasReply, payload(encodeCasReply, { isSwapped: true, revision: 1 })],
    ["batch put", decodeBatchPutReply, payload(encodeBatchPutReply, [1])],
    [
      "batch get",
      decodeBatchGetReply,
      payload(encodeBatchGetReply, { revision: 1, outcomes: [value] }),
    ],
    ["list", decodeListReply, payload(encodeListReply, { revision: 1, page, isKeysOnly: false })],
    ["keys", decodeKeysReply, payload(encodeListReply, { revision: 1, page, isKeysOnly: true })],
    ["count", decodeCountReply, payload(encodeCountReply, { revision: 1, count: 1 })],
  ])("is refused: %s", (_name, decode, body) => {
    const bad = expect.objectContaining({ code: "DT_KV_BAD_REPLY", mayHaveExecuted: true });
    for (let end = 0; end < body.length; end++) {
      expect(() => decoded<unknown>(decode, body, end)).toThrow(bad);
    }
    const longer = Buffer.concat([body, Buffer.from([0])]);
    expect(() => decoded<unknown>(decode, longer)).toThrow(bad);
  });

  it("is refused: get", () => {
    const body = payload(encodeGetReply, value);
    const bad = expect.objectContaining({ code: "DT_KV_BAD_REPLY" });
    for (let end = 0; end <= 40; end++) {
      expect(() => decoded(decodeGetReply, body, end)).toThrow(bad);
    }
    expect(() => decoded(decodeGetReply, Buffer.from([0, 0]))).toThrow(bad);
    body[0] = 3;
    expect(() => decoded(decodeGetReply, body)).toThrow(bad);
  });

  it("is refused: an outcome that this version does not know", () => {
    const body = payload(encodeBatchPutReply, [1]);
    body[2] = 250;
    const bad = expect.objectContaining({ code: "DT_KV_BAD_REPLY" });
    expect(() => decoded(decodeBatchPutReply, body.subarray(0, 3))).toThrow(bad);
  });
});
