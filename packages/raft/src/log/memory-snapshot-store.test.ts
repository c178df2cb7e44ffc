import assert from "node:assert/strict";
import { test } from "vitest";
import { runSnapshotStoreConformance } from "../testing/snapshot-store-conformance.ts";
import { MemorySnapshotStore } from "./memory-snapshot-store.ts";
import { isSnapshotDamaged } from "./snapshot-store.ts";

runSnapshotStoreConformance({ test }, () => {
  const store = new MemorySnapshotStore();
  return Promise.resolve({ store: () => store, dispose: () => store.close() });
});

test("a damaged snapshot is not handed out", async () => {
  const store = new MemorySnapshotStore();
  await store.open();
  const membership = Buffer.alloc(0);
  const head = { id: "a", index: 1, term: 1, chain: 1, timestampMs: 0 };
  const writer = await store.create({ ...head, membership, membershipIndex: 0 });
  await writer.write(Buffer.from("some bytes"));
  await writer.finish();
  store.damage("a", 3);
  const reader = await store.read("a");
  await assert.rejects(reader.read(0, 2), isSnapshotDamaged);
});
