import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import { checkAfterCrash, cutAt, operationsOf, run, type Script } from "./crash.ts";
import { newDisk, openOn } from "./disk-log.ts";
import { EntryMaker } from "./entry-maker.ts";
import { LogModel } from "./log-model.ts";
import {
  type CrashChoices,
  EVERYTHING_SURVIVES,
  NOTHING_SURVIVES,
  randomCrash,
} from "../src/testing/index.ts";

function randomChoices(seed: number): CrashChoices {
  return randomCrash(new SimRandom(seed));
}

/** A log's life with everything in it that changes files. */
const life: Script = async (disk, model) => {
  const maker = new EntryMaker();
  const first = await openOn(disk);
  let { log } = first;
  await model.write(log, maker.write([], 0, { term: 1, vote: 2, commitIndex: 0 }));
  await model.write(log, maker.write(maker.filled(1, 3, 100)));
  // Four writes under way at once.
  await Promise.all(
    [10, 900, 1, 2000].map((bytes) => model.write(log, maker.write(maker.filled(1, 2, bytes)))),
  );
  // Over the end of the first segment and into a third.
  for (let i = 0; i < 4; i++) {
    await model.write(log, maker.write(maker.filled(1, 3, 3000)));
  }
  // Back into the first one.
  const from = maker.cutFrom(5);
  const hardState = { term: 2, vote: 0, commitIndex: 3 };
  await model.write(log, maker.write(maker.filled(2, 2, 500), from, hardState));
  await model.write(log, maker.write([], maker.cutFrom(6)));
  await model.write(log, maker.write(maker.filled(2, 1, 300)));
  await log.close();
  ({ log } = await openOn(disk));
  await model.write(log, maker.write([], maker.cutFrom(4), { term: 3, vote: 1, commitIndex: 3 }));
  await model.write(log, maker.write(maker.filled(3, 5, 2500)));
  await log.close();
};

describe("a crash at any moment of a log's life", async () => {
  const { length } = await operationsOf(life, newDisk());
  const moments = Array.from({ length }, (_, i) => i);

  test("the life has all kinds of operations", async () => {
    const operations = await operationsOf(life, newDisk());
    const kinds = new Set(operations.map((operation) => operation.kind));
    for (const kind of ["write", "sync", "rename", "remove", "syncDirectory"] as const) {
      expect(kinds).toContain(kind);
    }
    expect(operations.length).toBeGreaterThan(150);
  });

  async function crashEverywhere(afterBytes: number, choices: (i: number) => CrashChoices) {
    for (const moment of moments) {
      const disk = newDisk();
      const model = new LogModel();
      cutAt(disk, moment, afterBytes);
      await run(life, disk, model);
      await checkAfterCrash(disk, choices(moment), model).catch((error: unknown) => {
        const operation = JSON.stringify(disk.operations.at(-1));
        throw new Error(`crash at operation ${moment}, ${operation}`, { cause: error });
      });
    }
  }

  test("D1 nothing that was not synced survives", async () => {
    await crashEverywhere(0, () => NOTHING_SURVIVES);
  });

  test("D1 everything that was written survives", async () => {
    await crashEverywhere(0, () => EVERYTHING_SURVIVES);
  });

  test("D1 the write that was under way survives up to its middle", async () => {
    await crashEverywhere(1000, () => EVERYTHING_SURVIVES);
  });

  const QUARTERS = [0, 1, 2, 3];
  test.each(QUARTERS)(
    "D2 any sectors and names that were not synced survive, in eight draws of each moment, quarter %i",
    async (quarter) => {
      for (const moment of moments.filter((each) => each % QUARTERS.length === quarter)) {
        const disk = newDisk();
        const model = new LogModel();
        cutAt(disk, moment, Infinity);
        await run(life, disk, model);
        // One life, and eight ways in which it ends.
        for (let draw = 1; draw <= 8; draw++) {
          await checkAfterCrash(disk, randomChoices(draw * 100_000 + moment), model.copy());
        }
      }
    },
  );

  test("D2 a second crash during the recovery of the first", async () => {
    for (const moment of moments) {
      const disk = newDisk();
      const model = new LogModel();
      cutAt(disk, moment, Infinity);
      await run(life, disk, model);
      const random = new SimRandom(moment);
      const crashed = disk.crash(randomChoices(moment));
      cutAt(crashed, random.int(0, 25), Infinity);
      await run(async () => void (await openOn(crashed)), crashed, model);
      await checkAfterCrash(crashed, randomChoices(~moment), model);
    }
  });
});
