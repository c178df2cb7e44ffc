import { getEventListeners } from "node:events";
import { Dispatcher, VirtualClock } from "@dt/fiber";
import { describe, expect, test } from "vitest";
import { singleEntry } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType } from "../entry/record.ts";
import { MemoryLog } from "../log/memory-log.ts";
import type { LogState } from "../log/raft-log.ts";
import { type EntryAnswer, type EntryRequest, FetchResult } from "./entry-fetch.ts";
import type { GroupConfig, GroupDeps } from "./group-config.ts";
import { resolveGroupOptions } from "./group-options.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { openLog } from "./open-log.ts";

/** One that opens with its first entry damaged. */
class DamagedLog extends MemoryLog {
  isClosed = false;

  override async open(): Promise<LogState> {
    const place = { file: "", offset: 0, reason: "" };
    const range = { firstIndex: 1, lastIndex: 1, prevTerm: 0, prevChain: 0, chain: 1 };
    return { ...(await super.open()), damaged: [{ ...range, ...place }] };
  }

  repair(): Promise<LogState> {
    return Promise.reject(new Error("nobody sends anything"));
  }

  override close(): Promise<void> {
    this.isClosed = true;
    return super.close();
  }
}

/** Of entries of term 2 behind one of term 1, with damage where it is said to be. */
class CuttableLog extends MemoryLog {
  readonly #ranges: readonly (readonly [number, number])[];
  readonly #entries: readonly EntryBatch[];
  filled: number[] = [];
  cuts = 0;

  constructor(entries: readonly EntryBatch[], ...ranges: (readonly [number, number])[]) {
    super();
    this.#entries = entries;
    this.#ranges = ranges;
  }

  override async open(): Promise<LogState> {
    const at = (index: number) => this.#entries[index - 1] as EntryBatch;
    const damaged = this.#ranges.map(([firstIndex, lastIndex]) => ({
      firstIndex,
      lastIndex,
      prevTerm: 1,
      prevChain: at(firstIndex).prevChain,
      chain: at(lastIndex).chain,
      file: "",
      offset: 0,
      reason: "",
    }));
    const hardState = { term: 2, vote: 1, commitIndex: 0 };
    return { ...(await super.open()), hardState, lastIndex: this.#entries.length, damaged };
  }

  async repair(batches: readonly EntryBatch[]): Promise<LogState> {
    for (const { lastIndex, chain } of batches) {
      const isEnd = this.#ranges.some(([, last]) => last === lastIndex);
      if (isEnd && chain !== this.#entries[lastIndex - 1]?.chain) {
        throw Object.assign(new Error("another history"), { code: "DT_LOG_GAP" });
      }
      this.filled.push(lastIndex);
    }
    return this.open();
  }

  async cutDamage(): Promise<LogState> {
    this.cuts++;
    return { ...(await super.open()), damaged: [] };
  }
}

/** One entry a batch, of these terms, from index 1 on. */
function made(...terms: number[]): EntryBatch[] {
  const batches: EntryBatch[] = [];
  for (const [i, term] of terms.entries()) {
    const payload = Buffer.from(`${i}`);
    const chain = batches.at(-1)?.chain ?? 0;
    batches.push(singleEntry(EntryType.normal, payload, i + 1, term, 1, chain));
  }
  return batches;
}

/** A member that holds these, and is asked for some. */
function holder(batches: readonly EntryBatch[]) {
  return ({ firstIndex, lastIndex, prevChain }: EntryRequest): EntryAnswer => {
    const found = batches.slice(firstIndex - 1, lastIndex);
    return found[0]?.prevChain === prevChain
      ? { result: FetchResult.entries, batches: found }
      : { result: FetchResult.absent, batches: [] };
  };
}

/** `answer` is what the only other member says. */
function opening(
  log: MemoryLog,
  closing: AbortSignal,
  answer: (request: EntryRequest) => FetchResult | EntryAnswer,
) {
  const clock = new VirtualClock();
  const ids = [1, 2];
  const config: GroupConfig<never> = {
    groupId: 1,
    nodeId: 1,
    members: ids.map((nodeId) => ({ nodeId, host: "host", port: nodeId })),
    stateMachine: { applyBatch: () => {} },
    log,
    options: resolveGroupOptions(),
    seed: 1,
  };
  const deps: GroupDeps = {
    dispatcher: new Dispatcher({ clock }),
    clock,
    transport: {
      send: () => false,
      fetch: async (_groupId, _peer, request) => {
        const answered = answer(request);
        return typeof answered === "number" ? { result: answered, batches: [] } : answered;
      },
      register: () => {},
      setMembers: () => {},
      unregister: () => {},
    },
    logger: SILENT_LOGGER,
    drawSecret: () => 0n,
    closing,
  };
  return { clock, opened: openLog(config, deps, null) };
}

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
});
