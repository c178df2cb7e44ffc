import { describe, expect, test } from "vitest";
import { type CrashChoices, EVERYTHING_SURVIVES, NOTHING_SURVIVES } from "../src/testing/index.ts";
import { SMALL } from "./disk-log.ts";
import { hotDirectory, openOn, reopened, ROOMY, writeAll } from "./hot-directory.ts";

describe("G4 damage to the journal", () => {
  /** A directory after a power cut with flushes in the journal only: of three rounds, ten groups. */
  async function crashed(choices: CrashChoices = NOTHING_SURVIVES, thenBytes = 0) {
    const { disk, data, models, members } = await hotDirectory(10);
    const marker = Buffer.alloc(64, 0);
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        members.map(({ log, maker, model }, i) => {
          marker.fill(0xa0 + i);
          const payload = Buffer.concat([marker, Buffer.from([round])]);
          return model.write(log, maker.write(maker.entries(1, [payload])));
        }),
      );
    }
    for (let round = 0; thenBytes > 0 && round < 3; round++) {
      // More than is kept in memory: what came before is written to the segments.
      await writeAll(members, thenBytes);
    }
    expect(data.sharedSyncs.syncs).toBeGreaterThan(3);
    return { disk: disk.crash(choices), models };
  }

  /** Changes the first payload of group 4. */
  function damageGroup4(content: Buffer): void {
    content.writeUInt8(0, content.indexOf(Buffer.alloc(64, 0xa3)) + 5);
  }

  /** Changes every payload of group 4: nothing behind the first of them shows that it was there. */
  function damageAllOfGroup4(content: Buffer): void {
    const payload = Buffer.alloc(64, 0xa3);
    for (let at = content.indexOf(payload); at >= 0; at = content.indexOf(payload, at)) {
      content.writeUInt8(0, at + 5);
    }
  }

  test.each([
    ["in the middle", damageGroup4],
    ["up to the end", damageAllOfGroup4],
  ])("to the bytes of one group %s damages that group, and no other", async (_where, damage) => {
    const { disk, models } = await crashed();
    disk.damage("/data/journal-0", damage);
    const untouched = models.filter((_, i) => i !== 3);
    const acknowledged = models[3]?.acked.records.length ?? 0;
    for (let round = 0; round < 2; round++) {
      const data = await openOn(disk, ROOMY);
      expect(data.recovered?.damagedGroups ?? [4]).toEqual([4]);
      const found = await data.log(4, SMALL).open();
      const [damaged] = found.damaged ?? [];
      expect(damaged?.file).toContain("/data/4/log/");
      expect(damaged?.firstIndex).toBeGreaterThan(1);
      expect(damaged?.lastIndex).toBeLessThanOrEqual(acknowledged);
      for (const [i, model] of untouched.entries()) {
        const log = data.log(i < 3 ? i + 1 : i + 2, SMALL);
        await model.check(log, await log.open());
      }
      await data.close();
    }
  });

  test("is no damage where the segment has the bytes itself", async () => {
    const { disk, models } = await crashed(EVERYTHING_SURVIVES, 9000);
    disk.damage("/data/journal-0", damageGroup4);
    const { data } = await reopened(disk, models);
    expect(data.recovered?.damagedGroups).toEqual([]);
    await data.close();
  });

  test("to the head of a frame is made good from its copy", async () => {
    const { disk, models } = await crashed();
    disk.damage("/data/journal-0", (content) => content.fill(0, 4096, 4096 + 100));
    const { data } = await reopened(disk, models);
    await data.close();
  });

  test.each([
    ["before its checksum", 45],
    ["in its checksum", 61],
  ])("to the header %s loses nothing", async (_where, at) => {
    const { disk, models } = await crashed();
    disk.flipBit("/data/journal-0", at * 8);
    const { data } = await reopened(disk, models);
    expect(data.recovered?.damagedGroups).toEqual([]);
    await data.close();
  });

  test("to all of the header refuses the directory and changes nothing", async () => {
    const { disk } = await crashed();
    disk.damage("/data/journal-0", (content) => content.fill(0, 0, 512));
    const before = disk.paths();
    await expect(openOn(disk, ROOMY)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
      fault: { file: "/data/journal-0", offset: 0 },
    });
    expect(disk.paths()).toEqual(before);
    expect(disk.openFiles).toBe(0);
  });

  test("to both heads of a frame refuses the directory and changes nothing", async () => {
    const { disk } = await crashed();
    disk.damage("/data/journal-0", (content) => {
      content.fill(0, 4096, 4096 + 100);
      // The frame ends where the next one's marker stands.
      const next = content.indexOf(content.subarray(0, 0), 8192);
      content.fill(0, Math.max(next, 8192) - 16, Math.max(next, 8192));
    });
    const before = disk.paths().map((path) => path);
    await expect(openOn(disk, ROOMY)).rejects.toMatchObject({
      code: "DT_LOG_CORRUPT",
      fault: { file: "/data/journal-0", offset: 4096 },
    });
    expect(disk.paths()).toEqual(before);
    expect(disk.openFiles).toBe(0);
  });
});
