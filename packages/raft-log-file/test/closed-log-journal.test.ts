import { describe, expect, test } from "vitest";
import type { FileSystem, StoredFile } from "../src/file-system.ts";
import { FaultyDisk, NOTHING_SURVIVES } from "../src/testing/index.ts";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { SMALL } from "./disk-log.ts";
import {
  codesOf,
  HARD_STATE,
  type HotDirectory,
  hotDirectory,
  isJournal,
  JOURNAL,
  openMembers,
  openOn,
  reopened,
  writeAll,
} from "./hot-directory.ts";
import { LogModel } from "./log-model.ts";

const isOfGroup2 = ({ path }: { readonly path: string }): boolean => path.startsWith("/data/2/log");

/** Writes in all logs until that of group 2 takes nothing more; the others are settled. */
async function untilPoisoned({ members, models }: HotDirectory): Promise<void> {
  for (let round = 0; round < 60; round++) {
    const codes = await codesOf(members);
    for (const [i, { model, maker }] of members.entries()) {
      if (codes[i] === null) {
        model.adopt({ ...model.acked, hardState: HARD_STATE, records: [...maker.records] });
      } else {
        maker.cutFrom(maker.lastIndex);
      }
    }
    if (codes[1] !== null) {
      expect(codes[1]).toBe("DT_LOG_POISONED");
      expect(models[1]?.acked.records.length).toBeGreaterThan(1);
      return;
    }
  }
  throw new Error("never poisoned");
}

describe("a log that is closed while flushes of it are in the journal only", () => {
  test("because one sync of its segment failed, leaves them there although later ones succeed", async () => {
    const it = await hotDirectory(8, JOURNAL);
    const { disk, data, models } = it;
    let failures = 0;
    disk.fault = (operation) =>
      operation.kind === "sync" && isOfGroup2(operation) && failures++ === 0
        ? { error: "EIO", forgets: true }
        : null;
    await untilPoisoned(it);
    expect(failures).toBe(1);
    await data.close();
    expect(disk.openFiles).toBe(0);
    const after = await openOn(disk.crash(NOTHING_SURVIVES), JOURNAL);
    const { lastIndex } = await after.log(2, SMALL).open();
    expect(lastIndex).toBeGreaterThanOrEqual(models[1]?.acked.records.length ?? 0);
    await after.close();
  });

  test("for a full disk that a sync found, as well", async () => {
    const it = await hotDirectory(8, JOURNAL);
    const { disk, data, models } = it;
    let failures = 0;
    disk.fault = (operation) =>
      operation.kind === "sync" && isOfGroup2(operation) && failures++ === 0
        ? { error: "ENOSPC", forgets: true }
        : null;
    await untilPoisoned(it);
    await data.close();
    const after = await openOn(disk.crash(NOTHING_SURVIVES), JOURNAL);
    const { lastIndex } = await after.log(2, SMALL).open();
    expect(lastIndex).toBeGreaterThanOrEqual(models[1]?.acked.records.length ?? 0);
    await after.close();
  });

  test("is not opened again before the directory is", async () => {
    const { disk, data, models, members } = await hotDirectory(8);
    await writeAll(members, 700);
    disk.fault = (operation) =>
      operation.kind === "write" && isOfGroup2(operation) ? { error: "EIO" } : null;
    await members[1]?.log.close();
    disk.fault = () => null;
    await expect(data.log(2, SMALL).open()).rejects.toMatchObject({ code: "DT_LOG_POISONED" });
    await writeAll([...members.slice(0, 1), ...members.slice(2)], 100);
    await data.close();
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    await after.data.close();
  });

  test("has its file left alone by the journal afterwards", async () => {
    const disk = new FaultyDisk();
    const late: string[] = [];
    const data = await DataDirectory.open(
      { path: "/data", clusterId: "c", nodeId: 1 },
      {
        fileSystem: telling(disk, (path) => late.push(path)),
        lock: () => Promise.resolve({ release: () => Promise.resolve() }),
        journal: JOURNAL,
      },
    );
    const models = Array.from({ length: 8 }, () => new LogModel());
    const members = await openMembers(data, models);
    while (data.sharedSyncs.syncs < 2) {
      await writeAll(members, 100);
    }
    disk.fault = (operation) =>
      operation.kind === "write" && isOfGroup2(operation) ? { error: "ENOSPC" } : null;
    await members[1]?.log.close();
    disk.fault = () => null;
    const others = [...members.slice(0, 1), ...members.slice(2)];
    for (let round = 0; round < 40; round++) {
      await writeAll(others, 300);
    }
    await data.close();
    expect(late).toEqual([]);
    expect(disk.paths().filter((path) => isJournal({ path }))).not.toEqual([]);
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    await after.data.close();
  });
});

test("a journal that cannot be made leaves no file open", async () => {
  const disk = new FaultyDisk();
  const data = await openOn(disk, JOURNAL);
  const members = await openMembers(
    data,
    Array.from({ length: 8 }, () => new LogModel()),
  );
  disk.fault = ({ kind, path }) =>
    kind === "syncDirectory" && path === "/data" ? { error: "EIO" } : null;
  for (let round = 0; round < 10; round++) {
    await writeAll(members, 100);
  }
  disk.fault = () => null;
  await data.close();
  expect(disk.openFiles).toBe(0);
});

/** Tells of every use of a closed file: on a real system its number may be that of another one by then. */
function telling(disk: FaultyDisk, onLate: (path: string) => void): FileSystem {
  const open: FileSystem["open"] = async (path, mode) => {
    const file = await disk.open(path, mode);
    let isOpen = true;
    const check = (): void => {
      if (!isOpen) {
        onLate(path);
      }
    };
    const told: StoredFile = {
      read: (...call) => (check(), file.read(...call)),
      write: (...call) => (check(), file.write(...call)),
      writev: (...call) => (check(), file.writev(...call)),
      sync: (done) => (check(), file.sync(done)),
      size: () => file.size(),
      fileNumber: () => file.fileNumber(),
      close: () => {
        isOpen = false;
        return file.close();
      },
    };
    return told;
  };
  return {
    open,
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
}
