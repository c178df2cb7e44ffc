import type { LogState } from "../../core/log-state.ts";
import type { Write } from "../../core/output.ts";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import { COMPACTED_CODE, type RaftLog } from "../../log/raft-log.ts";
import type { SnapshotStore } from "../../log/snapshot-store.ts";
import type { EventQueue } from "../sim/event-queue.ts";
import { FAST_DISK, SimDisk } from "../sim/sim-disk.ts";
import type { SimRandom } from "../sim/sim-random.ts";
import { StoredLog } from "../sim/stored-log.ts";
import type { ProcessClock } from "./process-clock.ts";

/** What a member keeps its log on: outlives the processes of the member. */
export interface MemberStorage {
  /** The log of a process that starts; `clock` is silent when that process is dead. */
  openLog(clock: ProcessClock): RaftLog;
  /** The snapshots of a process that starts, for storages that have a place for them. */
  openSnapshots?(clock: ProcessClock): SnapshotStore;
  /** Power is cut: what was not synced is lost, wholly or in part. */
  crash(): void;
  /** Longest time of a sync from now on, in true milliseconds. */
  setSyncMaxMs(syncMaxMs: number): void;
  /** The next sync fails for good, or nothing when the storage does not know such faults. */
  failNextSync(): void;
  /** No faults from now on, and no long syncs. */
  heal(): void;
}

/** What a factory of storages is given. */
export interface StorageParts {
  readonly nodeId: number;
  readonly queue: EventQueue;
  readonly random: SimRandom;
  readonly syncMaxMs: number;
}

/** A new `SimDisk` for a node. */
export function onSimDisk({ queue, random, syncMaxMs }: StorageParts): MemberStorage {
  const timing = { ...FAST_DISK, syncMaxMs, readMaxMs: syncMaxMs, gather: random.chance(0.7) };
  return new SimDiskStorage(new SimDisk(queue, random, new StoredLog(), timing));
}

/** A `SimDisk` as a member's storage. */
export class SimDiskStorage implements MemberStorage {
  readonly #disk: SimDisk;

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  openLog(clock: ProcessClock): RaftLog {
    return new SimDiskLog(this.#disk, clock);
  }

  crash(): void {
    this.#disk.crash();
  }

  setSyncMaxMs(syncMaxMs: number): void {
    this.#disk.timing = { ...this.#disk.timing, syncMaxMs, readMaxMs: syncMaxMs };
  }

  failNextSync(): void {
    this.#disk.failNextSync();
  }

  heal(): void {
    this.#disk.repair();
    this.setSyncMaxMs(1);
  }
}

/** A `RaftLog` on a simulated disk: strict about what may be read. */
class SimDiskLog implements RaftLog {
  readonly #disk: SimDisk;
  readonly #clock: ProcessClock;
  /** Who waits for a write, oldest first. */
  readonly #waiting: ((error: Error | null) => void)[] = [];
  #failure: Error | null = null;

  constructor(disk: SimDisk, clock: ProcessClock) {
    this.#disk = disk;
    this.#clock = clock;
    disk.onFailure = () => this.#clock.run(() => this.#fail());
  }

  open(): Promise<LogState> {
    return Promise.resolve(this.#disk.durable.state());
  }

  get firstIndex(): number {
    return this.#disk.durable.firstIndex;
  }

  termAt(index: number): number | null {
    const { durable } = this.#disk;
    const isHere = index >= durable.firstIndex - 1 && index <= durable.lastIndex;
    return isHere ? durable.termAt(index) : null;
  }

  firstIndexAtOrAfter(timestampMs: number): Promise<number> {
    return Promise.resolve(this.#disk.durable.firstIndexAtOrAfter(timestampMs));
  }

  dropHead(beforeIndex: number): void {
    this.#disk.dropHead(beforeIndex);
  }

  write(write: Write, done: (error: Error | null) => void): void {
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#clock.defer(() => done(failure));
      return;
    }
    this.#waiting.push(done);
    this.#disk.write(write, () => this.#clock.run(() => this.#succeed(done)));
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    if (firstIndex < this.firstIndex) {
      const compacted = new Error(`${firstIndex} in a log from ${this.firstIndex} on`);
      return Promise.reject(Object.assign(compacted, { code: COMPACTED_CODE }));
    }
    return new Promise((resolve) => {
      this.#disk.read(firstIndex, lastIndex, maxBytes, (batches) =>
        this.#clock.run(() => resolve([...batches])),
      );
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #succeed(done: (error: Error | null) => void): void {
    if (this.#failure === null) {
      this.#waiting.splice(this.#waiting.indexOf(done), 1);
      done(null);
    }
  }

  #fail(): void {
    const failure = Object.assign(new Error("the disk failed a sync"), { code: "EIO" });
    this.#failure = failure;
    for (const done of this.#waiting.splice(0)) {
      done(failure);
    }
  }
}
