import { expect, test } from "vitest";
import type { EntryCursor } from "../../src/node/entry-cursor.ts";
import { GroupCluster } from "./group-cluster.ts";

const ENTRIES = 40;
const ENTRY_BYTES = 1 << 20;

test("a long way of committed entries is applied in parts, between which everything else has its turn", async () => {
  const cluster = new GroupCluster(1, {
    maxEntryBytes: ENTRY_BYTES,
    maxPendingBytes: 2 * ENTRIES * ENTRY_BYTES,
  });
  await cluster.start();
  const { group, machine } = await cluster.leader();
  const { clock } = cluster;
  let inARow = 0;
  let most = 0;
  const apply = machine.applyBatch.bind(machine);
  machine.applyBatch = (entries: EntryCursor, results: number[]): void => {
    if (inARow === 0) {
      clock.defer(() => (inARow = 0));
    }
    const before = results.length;
    apply(entries, results);
    inARow += results.length - before;
    most = Math.max(most, inARow);
  };
  const payload = "x".repeat(ENTRY_BYTES - 100);
  const writes = Array.from({ length: ENTRIES }, () => cluster.propose(group, payload));
  await cluster.runUntil("the writes", () => writes.every(({ text }) => text !== "waits"));
  expect(writes.at(-1)?.text).toBe(`result ${ENTRIES}`);
  expect(most).toBeLessThan(ENTRIES / 2);
});
