import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { FetchResult } from "./entry-fetch.ts";
import {
  behind,
  CuttableLog,
  DamagedLog,
  holder,
  made,
  opening,
  withVoters,
} from "./log-repair.test.kit.ts";

async function settlePromises(): Promise<void> {
  for (let i = 0; i < 16; i++) {
    await Promise.resolve();
  }
}

test("a repair that asks for long listens once for the end of its server", async () => {
  const closing = new AbortController();
  let asked = 0;
  const { clock, opened } = opening(new DamagedLog(), closing.signal, () => {
    asked++;
    return FetchResult.unknown;
  });
  const outcome = opened.catch((error: unknown) => error);
  for (let round = 0; round < 20; round++) {
    await settlePromises();
    expect(getEventListeners(closing.signal, "abort")).toHaveLength(1);
    clock.advance(500);
  }
  expect(asked).toBe(20);
  await settlePromises();
  closing.abort();
  expect(await outcome).toMatchObject({ code: "DT_RAFT_GROUP_STOPPED" });
  expect(getEventListeners(closing.signal, "abort")).toHaveLength(0);
});

test("a repair does not keep its server open for a member that does not answer", async () => {
  const closing = new AbortController();
  const log = new DamagedLog();
  const { opened } = opening(log, closing.signal, () => new Promise(() => {}));
  const outcome = opened.catch((error: unknown) => error);
  await settlePromises();
  closing.abort();
  expect(await outcome).toMatchObject({ code: "DT_RAFT_GROUP_STOPPED" });
  expect(log.isClosed).toBe(true);
  expect(getEventListeners(closing.signal, "abort")).toHaveLength(0);
});

test("a log that cannot be repaired is closed when its server closed meanwhile", async () => {
  const closing = new AbortController();
  const log = new DamagedLog();
  const { opened } = opening(log, closing.signal, () => {
    closing.abort();
    return FetchResult.damaged;
  });
  await expect(opened).rejects.toMatchObject({ code: "DT_RAFT_LOG_DAMAGED" });
  expect(log.isClosed).toBe(true);
});

describe("D9 damaged entries at the end of what the others have", () => {
  const mine = made(1, 2, 2, 2, 2, 2);
  const { signal } = new AbortController();

  test("are dropped when the other member has nothing of them", async () => {
    const log = new CuttableLog(mine, [4, 5]);
    await opening(log, signal, holder(mine.slice(0, 3))).opened;
    expect(log.cuts).toBe(1);
  });

  test("are dropped when the other member has those of a later leader", async () => {
    const log = new CuttableLog(mine, [4, 5]);
    const theirs = made(1, 2, 2, 3, 3);
    await opening(log, signal, holder(theirs)).opened;
    expect(log.cuts).toBe(1);
  });

  test("are not dropped when the other member has the first of them: with this node it was a majority", async () => {
    const log = new CuttableLog(mine, [3, 5]);
    const { opened } = opening(log, signal, holder(mine.slice(0, 3)));
    await expect(opened).rejects.toMatchObject({ code: "DT_RAFT_LOG_DAMAGED" });
    expect(log.cuts).toBe(0);
  });

  test("are not dropped when the other member goes on otherwise behind the first of them", async () => {
    const log = new CuttableLog(mine, [3, 5]);
    const { opened } = opening(log, signal, holder(made(1, 2, 2, 3, 3)));
    await expect(opened).rejects.toMatchObject({ code: "DT_RAFT_LOG_DAMAGED" });
    expect(log.cuts).toBe(0);
  });

  test("are dropped alone: damage before them is filled once, and not asked for again", async () => {
    const log = new CuttableLog(mine, [2, 2], [5, 5]);
    await opening(log, signal, holder(mine.slice(0, 3))).opened;
    expect(log.filled).toEqual([2]);
    expect(log.cuts).toBe(1);
  });

  test("are not dropped before a voter is asked that only an entry names which was filled just now", async () => {
    const entries = behind(withVoters(made(1), [1, 3]), 2, 2, 2);
    const log = new CuttableLog(entries, [2, 2], [4, 5]);
    const holders = new Map([
      [2, holder(entries.slice(0, 3))],
      [3, holder(entries)],
    ]);
    const { opened } = opening(log, signal, (request, peer) => holders.get(peer)!(request));
    await opened;
    expect(log.filled).toEqual([2, 4, 5]);
    expect(log.cuts).toBe(0);
  });
});
