import { SimRandom } from "@dt/raft/testing";
import { describe, expect, test } from "vitest";
import {
  type CrashChoices,
  EVERYTHING_SURVIVES,
  FaultyDisk,
  NOTHING_SURVIVES,
  randomCrash,
} from "../src/testing/index.ts";
import { cutAt } from "./crash.ts";
import {
  hotDirectory,
  isJournal,
  JOURNAL,
  openMembers,
  openOn,
  reopened,
  writeAll,
} from "./hot-directory.ts";
import { LogModel } from "./log-model.ts";

describe("a power cut", () => {
  test("right after the acknowledgements loses none, where nothing survives that was not synced", async () => {
    const { disk, models, members } = await hotDirectory(10);
    await writeAll(members, 300);
    const { data } = await reopened(disk.crash(NOTHING_SURVIVES), models);
    expect(data.recovered?.copied).toBeGreaterThanOrEqual(10);
    expect(data.recovered?.damagedGroups).toEqual([]);
    await data.close();
  });

  test("after a clean close loses none, and no journal is left", async () => {
    const { disk, data, models, members } = await hotDirectory(10);
    await writeAll(members, 300);
    await data.close();
    expect(disk.openFiles).toBe(0);
    expect(disk.paths().filter((path) => isJournal({ path }))).toEqual([]);
    const after = await reopened(disk.crash(NOTHING_SURVIVES), models);
    expect(after.data.recovered).toBeNull();
    await after.data.close();
  });

  /** Writes through the ends of segments and of the journal's files. */
  async function life(disk: FaultyDisk, models: readonly LogModel[]): Promise<void> {
    const data = await openOn(disk, JOURNAL);
    const members = await openMembers(data, models);
    for (let round = 0; round < 8; round++) {
      await writeAll(members, 150 + round * 300);
      await Promise.all([writeAll(members, 10), writeAll(members, 700, 2)]);
    }
    await data.close();
  }

  async function sweep(choices: (moment: number) => CrashChoices, step: number): Promise<void> {
    const newModels = (): LogModel[] => Array.from({ length: 4 }, () => new LogModel());
    const whole = new FaultyDisk();
    await life(whole, newModels());
    expect(
      whole.operations.filter((each) => each.kind === "sync" && isJournal(each)).length,
    ).toBeGreaterThan(8);
    for (let moment = step; moment < whole.operations.length; moment += 17) {
      const disk = new FaultyDisk();
      const models = newModels();
      cutAt(disk, moment, moment % 2 === 0 ? 1000 : Infinity);
      await Promise.race([life(disk, models), disk.whenOff]);
      const crashed = disk.crash(choices(moment));
      try {
        // A second one in the middle of the recovery, then one that ends.
        cutAt(crashed, moment % 23, Infinity);
        await Promise.race([openOn(crashed, JOURNAL), crashed.whenOff]);
        const { data, members } = await reopened(crashed.crash(choices(~moment)), models, JOURNAL);
        await writeAll(members, 100);
        await data.close();
      } catch (error) {
        throw new Error(`power cut at operation ${moment}`, { cause: error });
      }
    }
  }

  test("at any moment, where nothing survives that was not synced", () =>
    sweep(() => NOTHING_SURVIVES, 0));
  test("at any moment, where everything survives that was written", () =>
    sweep(() => EVERYTHING_SURVIVES, 5));
  test.each([10, 15])("at any moment, where anything survives, draw %i", (draw) =>
    sweep((moment) => randomCrash(new SimRandom(draw * 100_000 + moment)), draw),
  );
});
