import { Dispatcher, VirtualClock } from "@dt/fiber";
import type { NodeId } from "../core/message.ts";
import { singleEntry } from "../entry/batch-builder.ts";
import { ConfigKind, encodeConfigPayload } from "../entry/config-payload.ts";
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
export class DamagedLog extends MemoryLog {
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
export class CuttableLog extends MemoryLog {
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
export function made(...terms: number[]): EntryBatch[] {
  return behind([], ...terms);
}

export function behind(before: readonly EntryBatch[], ...terms: number[]): EntryBatch[] {
  const batches = [...before];
  for (const term of terms) {
    const payload = Buffer.from(`${batches.length}`);
    const chain = batches.at(-1)?.chain ?? 0;
    batches.push(singleEntry(EntryType.normal, payload, batches.length + 1, term, 1, chain));
  }
  return batches;
}

/** The next entry makes these the voters. */
export function withVoters(before: readonly EntryBatch[], voters: number[]): EntryBatch[] {
  const payload = encodeConfigPayload({
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
  const { chain, term } = before.at(-1) as EntryBatch;
  const kind = ConfigKind.commit;
  return [
    ...before,
    singleEntry(EntryType.config, payload, before.length + 1, term, 1, chain, kind),
  ];
}

/** A member that holds these, and is asked for some. */
export function holder(batches: readonly EntryBatch[]) {
  return ({ firstIndex, lastIndex, prevChain }: EntryRequest): EntryAnswer => {
    const found = batches.slice(firstIndex - 1, lastIndex);
    return found[0]?.prevChain === prevChain
      ? { result: FetchResult.entries, batches: found }
      : { result: FetchResult.absent, batches: [] };
  };
}

/** `answer` is what the other members say; the group started with one of them. */
export function opening(
  log: MemoryLog,
  closing: AbortSignal,
  answer: (request: EntryRequest, peer: NodeId) => FetchResult | EntryAnswer | Promise<EntryAnswer>,
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
      fetch: async (_groupId, peer, request) => {
        const answered = answer(request, peer);
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
