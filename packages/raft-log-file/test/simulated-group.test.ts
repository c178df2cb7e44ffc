import {
  type MemberStorage,
  type ProcessClock,
  SimGroups,
  type StorageParts,
} from "@dt/raft/testing";
import { expect, test } from "vitest";
import { FileLog } from "../src/file-log.ts";
import { FileSnapshotStore } from "../src/snapshot/file-snapshot-store.ts";
import { FaultyDisk, randomCrash } from "../src/testing/index.ts";

const LOCATION = { directory: "/data/1", storeId: Buffer.alloc(16, 7), groupId: 1 };

/** A `FileLog` on a disk in memory, whose syncs take virtual time. */
class FileStorage implements MemberStorage {
  disk = new FaultyDisk();
  crashes = 0;
  readonly #parts: StorageParts;
  #log: FileLog | null = null;
  #syncMaxMs: number;
  #isSyncFailing = false;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    this.#syncMaxMs = parts.syncMaxMs;
  }

  openLog(clock: ProcessClock): FileLog {
    const { disk } = this;
    const { random } = this.#parts;
    disk.keepsOperations = false;
    disk.latency = {
      clock,
      delayMs: ({ kind }) => (kind === "sync" ? random.between(0, this.#syncMaxMs) : 0),
    };
    disk.fault = ({ kind }) => {
      const fails = this.#isSyncFailing && kind === "sync";
      this.#isSyncFailing &&= !fails;
      return fails ? { error: "EIO", forgets: true } : null;
    };
    this.#isSyncFailing = false;
    this.#log = new FileLog(LOCATION, { segmentBytes: 8192 }, disk);
    return this.#log;
  }

  openSnapshots(): FileSnapshotStore {
    return new FileSnapshotStore(LOCATION, {}, this.disk);
  }

  crash(): void {
    this.crashes++;
    this.disk = this.disk.crash(randomCrash(this.#parts.random));
  }

  setSyncMaxMs(syncMaxMs: number): void {
    this.#syncMaxMs = syncMaxMs;
  }

  failNextSync(): void {
    // A log that cannot be opened is the operator's; here only logs in use lose their disk.
    this.#isSyncFailing = (this.#log?.recovery ?? null) !== null;
  }

  heal(): void {
    this.#isSyncFailing = false;
    this.#syncMaxMs = 1;
  }
}

test("groups on file logs lose nothing in power cuts, and answer every call truly", async () => {
  const RUNS = Number(process.env["SIM_RUNS"] ?? 6);
  let crashes = 0;
  let segments = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const storages: FileStorage[] = [];
    const groups = new SimGroups(seed, {
      makeStorage: (parts) => {
        const storage = new FileStorage(parts);
        storages.push(storage);
        return storage;
      },
      drain: () => new Promise((resolve) => setImmediate(resolve)),
    });
    await groups.play().catch((cause: unknown) => {
      throw new Error(`${groups.tail()}\nseed ${seed}: ${String(cause)}`, { cause });
    });
    crashes += storages.reduce((sum, storage) => sum + storage.crashes, 0);
    segments += storages[0]?.disk.paths().filter((path) => path.endsWith(".log")).length ?? 0;
  }
  expect(crashes).toBeGreaterThan(RUNS);
  expect(segments).toBeGreaterThan(RUNS);
}, 0);

test("S16 D24 groups that cut their logs behind snapshots on the same disk lose nothing in power cuts", async () => {
  const RUNS = Number(process.env["SIM_RUNS"] ?? 6);
  let crashes = 0;
  let restores = 0;
  let cutLogs = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const storages: FileStorage[] = [];
    const groups = new SimGroups(seed, {
      makeStorage: (parts) => {
        const storage = new FileStorage(parts);
        storages.push(storage);
        return storage;
      },
      drain: () => new Promise((resolve) => setImmediate(resolve)),
      snapshots: true,
    });
    await groups.play().catch((cause: unknown) => {
      throw new Error(`${groups.tail()}\nseed ${seed}: ${String(cause)}`, { cause });
    });
    crashes += storages.reduce((sum, storage) => sum + storage.crashes, 0);
    for (const member of groups.members) {
      restores += member.restores;
      cutLogs += member.firstIndex > 1 ? 1 : 0;
    }
  }
  expect(crashes).toBeGreaterThan(RUNS);
  expect(restores).toBeGreaterThan(RUNS);
  expect(cutLogs).toBeGreaterThan(RUNS);
}, 0);
