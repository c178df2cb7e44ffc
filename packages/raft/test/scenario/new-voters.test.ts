import { expect, test } from "vitest";
import { writeEach } from "./cluster.test.kit.ts";
import {
  changeTo,
  hasMembers,
  prepare,
  refusal,
  SteadyWriter,
  threeOf,
} from "./members.test.kit.ts";

test("M1 a member is added as an observer, catches up and is made a voter; writes never pause", () => {
  const cluster = threeOf(4);
  writeEach(cluster, 1, 2000);
  cluster.run(10);
  const writer = new SteadyWriter(cluster);
  changeTo(cluster, [1, 2, 3], [4]);
  changeTo(cluster, [1, 2, 3, 4]);
  writer.stop();
  const { matchIndex } = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 4)!;
  expect(matchIndex).toBeGreaterThan(2000 - cluster.options.catchUpEntries);
  expect(writer.longestGapMs).toBeLessThan(cluster.electionMs);
  expect(cluster.invariants.elections).toBe(1);
  cluster.settle();
  cluster.checkHistory();
});

test("M17 who has not caught up is not made a voter; by force it is, and three of four serve", () => {
  const cluster = threeOf(4);
  cluster.network.cut([4], [1, 2, 3]);
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 3, 4]))).toBe("behind");
  changeTo(cluster, [1, 2, 3], [4]);
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 3, 4]))).toBe("behind");
  const forced = prepare(cluster, 1, [1, 2, 3, 4], [], { isForced: true });
  expect(refusal(cluster, 1, forced)).toBe("");
  cluster.runUntil(() => hasMembers(cluster, [1, 2, 3, 4]), 2000, "four voters");
  const write = cluster.write(1);
  cluster.run(50);
  expect(write.outcome).toBe("ok");
  cluster.network.cut([3], [1, 2]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
});
