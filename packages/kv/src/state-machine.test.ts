import { beforeEach, describe, expect, it } from "vitest";
import { payload } from "../test/payload.ts";
import { encodeBatchPut } from "./command/batch-put.ts";
import { encodeCas } from "./command/cas.ts";
import type { CasExpectation } from "./command/cas.ts";
import { EntryKind } from "./command/numbers.ts";
import { encodePut } from "./command/put.ts";
import { Refusal } from "./refusal.ts";
import { KvStateMachine } from "./state-machine.ts";
import type { KvResult } from "./state-machine.ts";
import { MAX_KEY_BYTES, toByteKey } from "./store/byte-key.ts";
import { ValueNode } from "./store/node.ts";
import { MAX_VALUE_BYTES } from "./store/record.ts";

let stateMachine: KvStateMachine;

beforeEach(() => {
  stateMachine = new KvStateMachine();
});

function apply(kind: number, body: Buffer): KvResult {
  return stateMachine.apply(kind, body, 0, body.length, 1);
}

function put(key: string, value = "v"): KvResult {
  return apply(EntryKind.put, payload(encodePut, { key, value }));
}

function cas(key: string, expected: CasExpectation, value = "new"): KvResult {
  return apply(EntryKind.cas, payload(encodeCas, { key, expected, value }));
}

describe("an entry", () => {
  it("of a kind that is not known is refused", () => {
    expect(apply(0, Buffer.from("x"))).toBe(Refusal.unknownCommand);
    expect(apply(999, Buffer.from("x"))).toBe(Refusal.unknownCommand);
  });

  it.each(Object.entries(EntryKind).filter(([name]) => name !== "mkdir"))(
    "of kind %s without a body is refused",
    (_name, kind) => {
      expect(apply(kind, Buffer.alloc(0))).toBe(Refusal.requestMalformed);
    },
  );

  it("that no handler has checked is checked here, whatever it would have created", () => {
    const long = "k".repeat(MAX_KEY_BYTES + 1);
    expect(put("a//b")).toBe(Refusal.keyEmptySegment);
    expect(put(long)).toBe(Refusal.keyTooLong);
    expect(put("a", "v".repeat(MAX_VALUE_BYTES + 1))).toBe(Refusal.valueTooLarge);
    expect(cas("a//b", { revision: 0 })).toBe(Refusal.keyEmptySegment);
    expect(cas(long, { revision: 7 })).toBe(Refusal.keyTooLong);
    expect(apply(EntryKind.mkdir, Buffer.from("a/"))).toBe(Refusal.keyEmptySegment);
    expect(apply(EntryKind.delete, Buffer.from("\0a/"))).toBe(Refusal.keyEmptySegment);
    expect(apply(EntryKind.put, Buffer.from([0, 1, 0xff]))).toBe(Refusal.keyNotUtf8);
    expect(stateMachine.tree.revision).toBe(0);
    expect(stateMachine.tree.nodeCount).toBe(0);
  });

  it("keeps none of its bytes", () => {
    const body = payload(encodePut, { key: "a/b", value: "value" });
    apply(EntryKind.put, body);
    body.fill(0x78);
    const node = stateMachine.tree.find(toByteKey("a/b"));
    expect(node?.key).toBe("a/b");
    expect(node instanceof ValueNode && node.holds(Buffer.from("value"), 0, 5)).toBe(true);
  });
});

describe("a put", () => {
  it("takes the next revision when it is carried out, and none when it is refused", () => {
    expect(put("a")).toBe(1);
    expect(put("a/b")).toBe(Refusal.parentIsValue);
    expect(put("")).toBe(Refusal.isDirectory);
    expect(put("/")).toBe(Refusal.isDirectory);
    expect(put("a")).toBe(2);
    expect(put("b/c")).toBe(3);
    expect(put("b")).toBe(Refusal.isDirectory);
    expect(put("/b/c")).toBe(4);
  });
});

describe("a cas", () => {
  it("by revision swaps when the key was last written by that revision", () => {
    put("a");
    expect(cas("a", { revision: 2 })).toEqual({ isSwapped: false, modRevision: 1 });
    expect(cas("a", { revision: 0 })).toEqual({ isSwapped: false, modRevision: 1 });
    expect(cas("a", { revision: 1 })).toEqual({ isSwapped: true, revision: 2 });
    expect(cas("a", { revision: 1 })).toEqual({ isSwapped: false, modRevision: 2 });
  });

  it("by value swaps when the key holds these bytes", () => {
    put("a", "old");
    put("empty", "");
    expect(cas("a", { value: "olD" })).toEqual({ isSwapped: false, modRevision: 1 });
    expect(cas("a", { value: "" })).toEqual({ isSwapped: false, modRevision: 1 });
    expect(cas("a", { value: "old" })).toEqual({ isSwapped: true, revision: 3 });
    expect(cas("empty", { value: "" })).toEqual({ isSwapped: true, revision: 4 });
  });

  it.each([{ revision: 0 }, { value: null }])(
    "creates what is expected to be absent: %o",
    (none) => {
      expect(cas("d/a", none)).toEqual({ isSwapped: true, revision: 1 });
      expect(cas("d/a", none)).toEqual({ isSwapped: false, modRevision: 1 });
    },
  );

  it("of a key that is absent does not swap when something is expected", () => {
    expect(cas("a", { revision: 1 })).toEqual({ isSwapped: false, modRevision: 0 });
    expect(cas("a", { value: "" })).toEqual({ isSwapped: false, modRevision: 0 });
    expect(stateMachine.tree.nodeCount).toBe(0);
  });

  it("of a directory, or below a value, is refused", () => {
    put("d/a");
    expect(cas("d", { revision: 1 })).toBe(Refusal.isDirectory);
    expect(cas("", { revision: 0 })).toBe(Refusal.isDirectory);
    expect(cas("d/a/b", { revision: 0 })).toBe(Refusal.parentIsValue);
    expect(stateMachine.tree.revision).toBe(1);
  });
});

describe("a batch of puts", () => {
  it("carries out each on its own, in order, and answers each", () => {
    const body = payload(
      encodeBatchPut,
      ["a", "a/b", "c//d", "a", "d/e", "d"].map((key) => ({ key, value: key })),
    );
    expect(apply(EntryKind.batchPut, body)).toEqual([
      1,
      Refusal.parentIsValue,
      Refusal.keyEmptySegment,
      2,
      3,
      Refusal.isDirectory,
    ]);
    expect(stateMachine.tree.revision).toBe(3);
  });

  it("that is malformed at its end changes nothing at all", () => {
    const body = payload(encodeBatchPut, [
      { key: "a", value: "x" },
      { key: "b", value: "y" },
    ]);
    expect(apply(EntryKind.batchPut, body.subarray(0, -1))).toBe(Refusal.requestMalformed);
    expect(stateMachine.tree.nodeCount).toBe(0);
  });
});
