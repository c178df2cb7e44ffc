import { expect, test } from "vitest";
import { runRandom, SimCluster, SimFailure } from "../../src/testing/index.ts";

test("a seed replays to the same trace, another one does not", () => {
  const first = runRandom(7);
  expect(runRandom(7)).toEqual(first);
  expect(runRandom(8).traceHash).not.toBe(first.traceHash);
});

test("a failure names its seed and shows what happened last", () => {
  const cluster = new SimCluster({ seed: 4711, nodeCount: 3 });
  cluster.runUntilLeader();
  const failing = (): void => cluster.runUntil(() => false, 50, "the impossible");
  expect(failing).toThrow(SimFailure);
  expect(failing).toThrow(/the impossible did not come in 50 ms[^]*is leader[^]*SIM_SEED=4711/);
});
