import assert from "node:assert/strict";
import type { SnapshotMeta, SnapshotStore } from "@dt/raft";
import { SimRandom } from "@dt/raft/testing";
import { DataDirectory } from "../directory/data-directory.ts";
import type { FileLog } from "../file-log.ts";
import type { FileSnapshotStore } from "../snapshot/file-snapshot-store.ts";
import { randomCrash } from "./crash-choices.ts";
import { EntryMaker } from "./entry-maker.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { LogModel } from "./log-model.ts";

export interface PowerLossOptions {
  readonly rounds: number;
  /** The same seed gives the same rounds. */
  readonly seed: number;
  /** Runs after every round that found everything as it must be. */
  readonly onRound?: (round: number) => void;
}

export interface PowerLossReport {
  readonly rounds: number;
  /** Writes that were acknowledged, and are there byte for byte after every later power cut. */
  readonly acknowledged: number;
  readonly finishedSnapshots: number;
  /** Of the power cuts, those that hit a recovery. */
  readonly duringRecovery: number;
  /** Flushes that shared a sync with others. */
  readonly sharedFlushes: number;
}

/** A power cut that lost something; `cause` says what. */
export class PowerLossFailure extends Error {
  override readonly name = "PowerLossFailure" as const;
  readonly seed: number;
  readonly round: number;

  constructor(seed: number, round: number, cause: unknown) {
    super(
      `seed ${seed}, round ${round}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
    this.seed = seed;
    this.round = round;
  }
}

/** Rounds that one disk lives through before another begins. */
const ROUNDS_OF_A_DISK = 12;

/**
 * The real logs and snapshots of a data directory on a simulated disk, whose power is cut at a random operation, in the
 * middle of a random byte, again and again; what was not synced is lost in part, in its older or its newer content.
 * After each cut everything is opened and compared with what was acknowledged. Throws a `PowerLossFailure`.
 */
export async function runPowerLoss(options: PowerLossOptions): Promise<PowerLossReport> {
  const { rounds, seed, onRound } = options;
  const random = new SimRandom(seed);
  const counts = { acknowledged: 0, finishedSnapshots: 0, duringRecovery: 0, sharedFlushes: 0 };
  let host = new Host(random, counts);
  for (let round = 1; round <= rounds; round++) {
    if (round % ROUNDS_OF_A_DISK === 0) {
      host = new Host(random, counts);
    }
    try {
      await host.round();
    } catch (error) {
      throw new PowerLossFailure(seed, round, error);
    }
    onRound?.(round);
  }
  return { rounds, ...counts };
}

type Counts = { -readonly [K in Exclude<keyof PowerLossReport, "rounds">]: PowerLossReport[K] };

interface Group {
  readonly id: number;
  readonly model: LogModel;
  maker: EntryMaker;
  term: number;
  log: FileLog | null;
  store: FileSnapshotStore | null;
  /** Highest index of a snapshot that was begun, and of one that was reported as finished. */
  snapshotIndex: number;
  finishedIndex: number;
}

class Host {
  readonly #random: SimRandom;
  readonly #counts: Counts;
  readonly #groups: Group[];
  readonly #isSharing: boolean;
  #disk = new FaultyDisk();

  constructor(random: SimRandom, counts: Counts) {
    this.#random = random;
    this.#counts = counts;
    this.#isSharing = random.chance(0.5);
    const groupCount = this.#isSharing ? random.int(5, 10) : random.int(1, 3);
    this.#groups = Array.from({ length: groupCount }, (_, i) => ({
      id: i + 1,
      model: new LogModel(),
      maker: new EntryMaker(),
      term: 1,
      log: null,
      store: null,
      snapshotIndex: 0,
      finishedIndex: 0,
    }));
  }

  /** One life of the process, from its start to the power cut. */
  async round(): Promise<void> {
    const random = this.#random;
    this.#cutAt(random.int(0, random.chance(0.2) ? 60 : 600));
    const disk = this.#disk;
    const opened = await Promise.race([this.#open(), disk.whenOff]);
    if (opened === undefined) {
      this.#counts.duringRecovery++;
    } else {
      const failed = Promise.withResolvers<never>();
      while (!disk.isOff) {
        await Promise.race([this.#step(failed.reject), disk.whenOff, failed.promise]);
        // Flushes that share a sync come together at the end of a turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#counts.sharedFlushes += opened.sharedSyncs.flushes;
    }
    const share = random.pick([0, 0.1, 0.5, 0.9, 1]);
    this.#disk = disk.crash(randomCrash(random, share));
    this.#disk.keepsOperations = false;
  }

  #cutAt(operation: number): void {
    let number = 0;
    const bytes = this.#random.chance(0.5) ? this.#random.int(0, 20_000) : Infinity;
    this.#disk.fault = () => (number++ === operation ? { powerCutAfterBytes: bytes } : null);
  }

  async #open(): Promise<DataDirectory> {
    const data = await DataDirectory.open(
      { path: "/data", clusterId: "power-loss", nodeId: 1 },
      {
        fileSystem: this.#disk,
        lock: () => Promise.resolve({ release: () => Promise.resolve() }),
        journal: { hotFlushes: this.#isSharing ? 3 : Infinity, fileBytes: 48 << 10 },
      },
    );
    assert.deepEqual(data.recovered?.damagedGroups ?? [], []);
    for (const group of this.#groups) {
      await this.#openGroup(data, group);
    }
    return data;
  }

  async #openGroup(data: DataDirectory, group: Group): Promise<void> {
    const log = data.log(group.id, { segmentBytes: 16 << 10, dropDelayMs: 0 });
    const state = await log.open();
    assert.deepEqual(state.damaged ?? [], []);
    const content = await group.model.check(log, state);
    group.model.adopt(content);
    group.maker = new EntryMaker();
    group.maker.records.push(...content.records);
    group.term = content.hardState.term + 1;
    const hardState = { term: group.term, vote: this.#random.int(0, 3), commitIndex: 0 };
    await group.model.write(log, group.maker.write([], 0, hardState));
    const store = data.snapshots(group.id, { retain: 2 });
    await checkSnapshots(store, await store.open(), group);
    group.log = log;
    group.store = store;
  }

  /** What every group does in one turn: most append, some wait for it. */
  async #step(onFailed: (error: unknown) => void): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const group of this.#groups) {
      const done = this.#act(group).catch(onFailed);
      if (this.#random.chance(0.7)) {
        waits.push(done);
      }
    }
    await Promise.all(waits);
  }

  async #act(group: Group): Promise<void> {
    const random = this.#random;
    const log = group.log as FileLog;
    const { maker, model } = group;
    const action = random.fraction();
    if (action < 0.85) {
      const size = random.chance(0.1) ? random.int(0, 5000) : random.int(0, 400);
      await model.write(log, maker.write(maker.filled(group.term, random.int(1, 4), size)));
      this.#counts.acknowledged++;
    } else if (action < 0.9 && maker.lastIndex >= log.firstIndex) {
      const from = maker.cutFrom(random.int(Math.max(1, log.firstIndex), maker.lastIndex));
      const hardState = { term: ++group.term, vote: 0, commitIndex: 0 };
      const batches = maker.filled(group.term, 2, random.int(0, 600));
      await model.write(log, maker.write(batches, from, hardState));
      this.#counts.acknowledged++;
    } else if (action < 0.94) {
      const hardState = { term: ++group.term, vote: random.int(1, 3), commitIndex: 0 };
      await model.write(log, maker.write([], 0, hardState));
    } else if (action < 0.98) {
      await this.#saveSnapshot(group);
    }
  }

  async #saveSnapshot(group: Group): Promise<void> {
    const index = group.snapshotIndex + this.#random.int(1, 9);
    const content = contentOf(group.id, index);
    group.snapshotIndex = index;
    const writer = await (group.store as SnapshotStore).create(headOf(group.id, index));
    for (let at = 0; at < content.length; at += 30_000) {
      await writer.write(content.subarray(at, at + 30_000));
    }
    await writer.finish();
    group.finishedIndex = Math.max(index, group.finishedIndex);
    this.#counts.finishedSnapshots++;
  }
}

async function checkSnapshots(
  store: FileSnapshotStore,
  metas: readonly SnapshotMeta[],
  group: Group,
): Promise<void> {
  assert.deepEqual(store.damaged, []);
  assert.ok((metas[0]?.index ?? 0) >= group.finishedIndex, "a finished snapshot is there");
  for (const meta of metas) {
    const content = contentOf(group.id, meta.index);
    const { id, index } = headOf(group.id, meta.index);
    assert.deepEqual([meta.id, meta.index, meta.byteLength], [id, index, content.length]);
    const reader = await store.read(meta.id);
    assert.ok((await reader.read(0, meta.byteLength)).equals(content), `content of ${meta.id}`);
    await reader.close();
  }
}

function headOf(groupId: number, index: number): Omit<SnapshotMeta, "byteLength"> {
  const membership = Buffer.from(`members of ${groupId}`);
  const at = { index, term: 1, chain: index, timestampMs: index };
  return { id: `${groupId}-${index}`, ...at, membership, membershipIndex: 1 };
}

function contentOf(groupId: number, index: number): Buffer {
  return Buffer.alloc((index * 9973) % 150_000, groupId * 16 + (index % 16) + 1);
}
