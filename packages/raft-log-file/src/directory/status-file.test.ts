import { describe, expect, test } from "vitest";
import { FaultyDisk, NOTHING_SURVIVES } from "../testing/index.ts";
import type { Status } from "../format/status-slot.ts";
import { StatusFile } from "./status-file.ts";

const IDENTITY = { groupId: 4, storeId: Buffer.alloc(16, 4) };

function statusOf(term: number): Status {
  const hardState = { term, vote: term % 7, commitIndex: term * 2 };
  return { hardState, headIndex: 1, markIndex: term, markChain: term * 3 };
}

function write(file: StatusFile, status: Status): Promise<void> {
  return new Promise((resolve, reject) => {
    file.update(
      () => status,
      (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      },
    );
  });
}

async function newFile(): Promise<{ disk: FaultyDisk; file: StatusFile }> {
  const disk = new FaultyDisk();
  const file = await StatusFile.create(disk, "/status", IDENTITY);
  await disk.syncDirectory("/");
  return { disk, file };
}

async function reopen(disk: FaultyDisk): Promise<Status> {
  const file = await StatusFile.open(disk, "/status", IDENTITY);
  await file.close();
  return file.status;
}

describe("a change of the status", () => {
  test("D19 that a power cut meets at any step and byte leaves the old status or the new one", async () => {
    const old = statusOf(5);
    const next = statusOf(6);
    const seen = new Set<number>();
    for (let step = 0; step < 4; step++) {
      for (let bytes = 0; bytes <= 96; bytes++) {
        const { disk, file } = await newFile();
        await write(file, old);
        let number = 0;
        disk.fault = () => (number++ === step ? { powerCutAfterBytes: bytes } : null);
        await Promise.race([write(file, next), disk.whenOff]);
        const survivors = [NOTHING_SURVIVES, { sectors: () => true, names: (n: number) => n }];
        for (const choices of survivors) {
          const found = await reopen(disk.crash(choices));
          expect([old, next]).toContainEqual(found);
          seen.add(found.hardState.term);
        }
      }
    }
    expect(seen).toEqual(new Set([5, 6]));
  });

  test("D19 that is acknowledged survives, and so it does when either slot is damaged later", async () => {
    for (const term of [6, 7]) {
      const { disk, file } = await newFile();
      for (let earlier = 1; earlier <= term; earlier++) {
        await write(file, statusOf(earlier));
      }
      const crashed = disk.crash(NOTHING_SURVIVES);
      expect(await reopen(crashed)).toEqual(statusOf(term));
      for (const slot of [0, 4096]) {
        const copy = crashed.clone();
        copy.damage("/status", (bytes) => {
          bytes.fill(0xee, slot, slot + 512);
        });
        expect(await reopen(copy)).toEqual(statusOf(term));
      }
    }
  });

  test("is reported after the sync of both slots", async () => {
    const { disk, file } = await newFile();
    const from = disk.operations.length;
    await write(file, statusOf(2));
    expect(disk.operations.slice(from).map((operation) => operation.kind)).toEqual([
      "write",
      "sync",
      "write",
      "sync",
    ]);
  });
});
