import { describe, expect, test } from "vitest";
import { encodeConfigPayload } from "../../entry/config-payload.ts";
import { MemoryLog } from "../../log/memory-log.ts";
import { MemorySnapshotStore } from "../../log/memory-snapshot-store.ts";
import type { LogState } from "../../log/raft-log.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { recoverState } from "./recover-state.ts";
import { SnapshotCatalog } from "./snapshot-catalog.ts";

function payloadOf(...voters: number[]): Buffer {
  return encodeConfigPayload({
    members: voters.map((nodeId) => ({ nodeId, host: "host", port: nodeId })),
    voters,
    observers: [],
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [],
    isAbort: false,
  });
}

interface Case {
  /** Members that node 1 was started with. */
  readonly start: number[];
  /** Voters, by the index of the entry that says so. */
  readonly configs?: Record<number, number[]>;
  readonly commitIndex?: number;
  /** Voters by a snapshot of which the bytes are damaged. */
  readonly inSnapshot?: number[];
}

/** Node 1 starts with a log that was cut at entry 10 and no good snapshot. */
async function recovered({ start, configs = {}, commitIndex = 10, inSnapshot }: Case) {
  const store = new MemorySnapshotStore();
  await store.open();
  if (inSnapshot !== undefined) {
    const meta = { id: "a", index: 12, term: 1, chain: 1, timestampMs: 0 };
    const membership = payloadOf(...inSnapshot);
    const writer = await store.create({ ...meta, membership, membershipIndex: 7 });
    await writer.write(Buffer.alloc(100));
    await writer.finish();
    store.damage("a", 40);
  }
  const catalog = new SnapshotCatalog(store, 1, SILENT_LOGGER);
  await catalog.open();
  const opened: LogState = {
    hardState: { term: 1, vote: 0, commitIndex },
    firstIndex: 11,
    lastIndex: 30,
    lastChain: 1,
    termRuns: [{ firstIndex: 11, term: 1 }],
    prevIndex: 10,
    prevTerm: 1,
    prevChain: 1,
    configs: Object.entries(configs).map(([index, voters]) => {
      return { index: Number(index), term: 1, payload: payloadOf(...voters) };
    }),
  };
  const target = {
    restoreState: () => Promise.resolve(),
    checkSessions: () => {},
    restoreSessions: () => {},
  };
  const parts = { groupId: 1, log: new MemoryLog(), catalog, target, logger: SILENT_LOGGER };
  return recoverState({ ...parts, nodeId: 1, start }, opened);
}

describe("a cut log without a good snapshot", () => {
  const refused = { code: "DT_RAFT_SNAPSHOT_MISSING" };

  test.each<Case>([
    { start: [1, 2, 3] },
    { start: [] },
    { start: [1], configs: { 15: [1, 2, 3] } },
    { start: [1], inSnapshot: [1, 2, 3] },
    { start: [1, 2, 3], configs: { 15: [1] } },
    { start: [1], configs: { 15: [1, 2], 20: [1] }, commitIndex: 18 },
  ])("waits for the leader's where others may lead: %o", async (given) => {
    expect(await recovered(given)).toMatchObject({ snapshot: null });
  });

  test.each<Case>([
    { start: [1] },
    { start: [1, 2, 3], configs: { 15: [1] }, commitIndex: 15 },
    { start: [1, 2, 3], inSnapshot: [1] },
    { start: [], configs: { 15: [1, 2], 20: [1] }, commitIndex: 22 },
  ])("is refused where nobody else can lead: %o", async (given) => {
    await expect(recovered(given)).rejects.toMatchObject(refused);
  });
});
