import { expect, test } from "vitest";
import { type ClientCall, runMix, SimGroups } from "../../src/testing/index.ts";

const RUNS = Number(process.env["SIM_RUNS"] ?? 30);

test("groups that take snapshots all the time do so, too, and members catch up by them", async () => {
  const onlySeed = process.env["SIM_SEED"];
  const seeds =
    onlySeed === undefined ? Array.from({ length: RUNS / 2 }, (_, i) => i + 1) : [+onlySeed];
  let restores = 0;
  let cutLogs = 0;
  for (const seed of seeds) {
    const groups = new SimGroups(seed, { snapshots: true });
    try {
      await groups.play();
    } catch (error) {
      throw new Error(`${groups.tail()}\nreplay with SIM_SEED=${seed}`, { cause: error });
    }
    for (const member of groups.members) {
      restores += member.restores;
      cutLogs += member.firstIndex > 1 ? 1 : 0;
    }
  }
  expect(restores).toBeGreaterThan(seeds.length / 2);
  expect(cutLogs).toBeGreaterThan(seeds.length);
}, 0);

test("groups under random faults answer every call truly, and recover", async () => {
  const onlySeed = process.env["SIM_SEED"];
  const seeds =
    onlySeed === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [+onlySeed];
  const calls: ClientCall[] = [];
  let crashes = 0;
  let stalls = 0;
  let diskFailures = 0;
  for (const seed of seeds) {
    const groups = new SimGroups(seed);
    try {
      await groups.play();
    } catch (error) {
      throw new Error(`${groups.tail()}\nreplay with SIM_SEED=${seed}`, { cause: error });
    }
    calls.push(...groups.history.calls);
    crashes += groups.crashes;
    stalls += groups.stalls;
    diskFailures += groups.diskFailures;
  }
  const count = (kind: ClientCall["kind"], outcome: ClientCall["outcome"]): number =>
    calls.filter((call) => call.kind === kind && call.outcome === outcome).length;
  expect(count("write", "ok")).toBeGreaterThan(10 * seeds.length);
  expect(count("read", "ok")).toBeGreaterThan(5 * seeds.length);
  expect(count("write", "unknown")).toBeGreaterThan(0);
  expect(count("write", "refused")).toBeGreaterThan(0);
  expect(crashes + stalls).toBeGreaterThan(seeds.length);
  expect(diskFailures).toBeGreaterThan(seeds.length / 4);
}, 0);

test("groups whose members, snapshots and sessions all change at once apply every call once", async () => {
  const onlySeed = process.env["SIM_SEED"];
  const seeds =
    onlySeed === undefined ? Array.from({ length: RUNS / 2 }, (_, i) => i + 1) : [+onlySeed];
  const totals = { memberChanges: 0, transfers: 0, repeated: 0, remembered: 0, expired: 0 };
  for (const seed of seeds) {
    const report = await runMix(seed);
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
      totals[name] += report[name];
    }
  }
  for (const [name, total] of Object.entries(totals)) {
    expect([name, total / seeds.length]).toEqual([name, expect.toSatisfy((mean) => mean > 0.5)]);
  }
  const [seed = 1] = seeds;
  expect(await runMix(seed)).toEqual(await runMix(seed));
}, 0);
