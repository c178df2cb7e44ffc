import assert from "node:assert/strict";
import type { PeerInfo } from "@dt/rpc";
import { test } from "vitest";
import { refuseStore, storeCapabilities, type StoreBook } from "./store-check.ts";

const OWN = "0".repeat(32);
const FIRST = "a".repeat(32);
const OTHER = "b".repeat(32);

function book(known: Map<number, string>): StoreBook {
  return {
    ownStore: OWN,
    knownStore: (nodeId) => known.get(nodeId) ?? null,
    remember: (nodeId, store) => void known.set(nodeId, store),
  };
}

function member(nodeId: number, capabilities: readonly string[]): PeerInfo {
  return {
    nodeId,
    capabilities,
    processId: "1".repeat(32),
    clusterId: "c",
    role: "member",
    limits: { maxFrameBytes: 1, maxInFlightRequests: 1, maxInFlightBytes: 1 },
    protocolMinor: 0,
    address: "host:1",
    identity: { kind: "anonymous", name: "" },
  };
}

test("B2 B3 a member is welcome with the store it came with first, and with no other", () => {
  const known = new Map<number, string>();
  const first = storeCapabilities({ ...book(known), ownStore: FIRST });
  assert.equal(refuseStore(book(known), member(2, ["groups", ...first])), null);
  assert.deepEqual([...known], [[2, FIRST]]);
  assert.equal(refuseStore(book(known), member(2, first)), null);
  const refusal = refuseStore(book(known), member(2, [`store:${OTHER}`]));
  assert.equal(refusal?.code, "DT_RAFT_WRONG_STORE");
  assert.match(refusal.message, /node 2 .*b{32}.*had a{32}/);
  assert.deepEqual([...known], [[2, FIRST]]);
});

test("a member with a copy of this node's directory is refused, seen before or not", () => {
  for (const known of [new Map<number, string>(), new Map([[2, FIRST]])]) {
    const refusal = refuseStore(book(known), member(2, [`store:${OWN}`]));
    assert.match(refusal?.message ?? "", /is a copy/);
  }
});

test("nobody is refused who announces nothing that can be compared, or where nobody looks", () => {
  for (const capabilities of [[], ["groups"], ["store:"], ["store:xyz"]]) {
    assert.equal(refuseStore(book(new Map([[2, FIRST]])), member(2, capabilities)), null);
  }
  assert.equal(refuseStore(undefined, member(2, [`store:${OTHER}`])), null);
  assert.deepEqual(storeCapabilities(undefined), []);
});
