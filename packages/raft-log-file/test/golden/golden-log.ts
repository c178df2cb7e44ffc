import {
  BatchBuilder,
  type EntryBatch,
  EntryType,
  type HardState,
  type LogState,
  recordBizType,
  recordIndex,
  recordLength,
  recordTerm,
  recordType,
  storedBytes,
} from "@dt/raft";
import { createHash } from "node:crypto";
import type { DataDirectory } from "../../src/directory/data-directory.ts";
import type { FileLog } from "../../src/file-log.ts";
import { store } from "../entry-maker.ts";

export const GOLDEN_CLUSTER = "golden";
export const GOLDEN_NODE = 3;
export const GOLDEN_GROUP = 7;
export const GOLDEN_OPTIONS = { segmentBytes: 16 << 10 } as const;

/** What a golden directory holds, as it was said when the directory was made. */
export interface GoldenContent {
  readonly storeId: string;
  readonly state: Omit<LogState, "configs">;
  /** As `records`, of the configurations; from format 2 on. */
  readonly configs?: readonly string[];
  /** One line for each entry: index, term, type, meaning, bytes and sha-256 of the record. */
  readonly records: readonly string[];
}

/** Fills the group's log of a new directory with everything that changes files; the same each time. */
export async function fillGolden(data: DataDirectory): Promise<void> {
  const first = new GoldenWriter(data.log(GOLDEN_GROUP, GOLDEN_OPTIONS));
  await first.open();
  await first.append(1, [0, 1, 7, 8, 9, 255], { term: 1, vote: 3, commitIndex: 0 });
  for (let i = 0; i < 8; i++) {
    await first.append(1, [900, 1500, 40]);
  }
  // Back over the beginning of a segment.
  await first.append(2, [64, 3000], { term: 2, vote: 0, commitIndex: 9 }, 20);
  await first.close();
  const second = new GoldenWriter(data.log(GOLDEN_GROUP, GOLDEN_OPTIONS));
  await second.open();
  await second.append(4, [10, 11, 12], { term: 4, vote: 1, commitIndex: 19 });
  await second.append(4, [6000]);
  await second.close();
}

/** Reads what a golden directory holds. */
export async function readGolden(data: DataDirectory): Promise<GoldenContent> {
  const log = data.log(GOLDEN_GROUP, GOLDEN_OPTIONS);
  const { configs, ...state } = await log.open();
  const records: string[] = [];
  for (let index = state.firstIndex; index <= state.lastIndex;) {
    for (const batch of await log.read(index, state.lastIndex, 1 << 20)) {
      records.push(...linesOf(batch));
      index = batch.lastIndex + 1;
    }
  }
  await log.close();
  const storeId = data.identity.storeId.toString("hex");
  const known = configs.map(
    ({ index, term, payload }) => `${index}: term ${term} ${hashOf(payload)}`,
  );
  return { storeId, state, configs: known, records };
}

class GoldenWriter {
  readonly #log: FileLog;
  readonly #builder = new BatchBuilder(1 << 16);
  #nextIndex = 1;
  #chain = 0;
  #sequence = 0;

  constructor(log: FileLog) {
    this.#log = log;
  }

  async open(): Promise<void> {
    const { lastIndex, lastChain } = await this.#log.open();
    this.#nextIndex = lastIndex + 1;
    this.#chain = lastChain;
  }

  async append(
    term: number,
    sizes: readonly number[],
    hardState: HardState | null = null,
    truncateFrom = 0,
  ): Promise<void> {
    if (truncateFrom > 0) {
      const [before] = await this.#log.read(truncateFrom - 1, truncateFrom - 1, 0);
      this.#nextIndex = truncateFrom;
      this.#chain = before?.chain ?? 0;
    }
    for (const [i, bytes] of sizes.entries()) {
      const payload = Buffer.alloc(bytes, `${this.#nextIndex + i};`);
      const type = i === 0 ? EntryType.noop : i === 1 ? EntryType.config : EntryType.normal;
      this.#builder.add(type, i, payload, 0, bytes);
    }
    const timestampMs = 1_700_000_000_000 + this.#nextIndex * 1000;
    const batches = this.#builder.seal(this.#nextIndex, term, timestampMs, this.#chain);
    const io = { term, sequence: ++this.#sequence };
    await store(this.#log, { io, hardState, reset: null, truncateFrom, batches });
    this.#nextIndex += sizes.length;
    this.#chain = batches.at(-1)?.chain ?? this.#chain;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

function linesOf({ bytes }: EntryBatch): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = recordLength(bytes, at);
    const end = at + storedBytes(length);
    const hash = hashOf(bytes.subarray(at, end));
    const kind = `type ${recordType(bytes, at)} meaning ${recordBizType(bytes, at)}`;
    lines.push(
      `${recordIndex(bytes, at)}: term ${recordTerm(bytes, at)} ${kind} bytes ${length} ${hash}`,
    );
    at = end;
  }
  return lines;
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Entries of each of the two groups of a golden directory with a journal. */
export const JOURNALED_ENTRIES = 12;

export function journaledPayload(groupId: number, index: number): Buffer {
  return Buffer.from(`group ${groupId} entry ${index} ${"x".repeat(80)}`);
}
