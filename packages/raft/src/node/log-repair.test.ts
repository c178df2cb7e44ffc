import { getEventListeners } from "node:events";
import { Dispatcher, VirtualClock } from "@dt/fiber";
import { expect, test } from "vitest";
import { MemoryLog } from "../log/memory-log.ts";
import type { LogState } from "../log/raft-log.ts";
import { FetchResult } from "./entry-fetch.ts";
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

/** `answer` is what the only other member says. */
function opening(log: DamagedLog, closing: AbortSignal, answer: () => FetchResult) {
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
      fetch: () => Promise.resolve({ result: answer(), batches: [] }),
      register: () => {},
      setMembers: () => {},
      unregister: () => {},
    },
    logger: SILENT_LOGGER,
    drawSecret: () => 0n,
    closing,
  };
  return { clock, opened: openLog(config, deps) };
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
