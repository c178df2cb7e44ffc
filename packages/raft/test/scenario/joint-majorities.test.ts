import { expect, test } from "vitest";
import { Role } from "../../src/core/output.ts";
import { writeEach } from "./cluster.test.kit.ts";
import { ask, changeTo, hasMembers, prepare, refusal, threeOf } from "./members.test.kit.ts";

test("M2 a member is replaced in one change; both majorities count meanwhile, the old one disturbs nobody", () => {
  const cluster = threeOf(4);
  changeTo(cluster, [1, 2, 3], [4]);
  cluster.settle();
  expect(refusal(cluster, 1, prepare(cluster, 1, [1, 2, 4], [], { leavesByItself: false }))).toBe(
    "",
  );
  cluster.run(50);
  const { configuration } = cluster.node(1).core;
  expect(configuration).toMatchObject({ voters: [1, 2, 3], nextVoters: [1, 2, 4] });
  // 1 and 3 are a majority of the old half, of the new one 1 alone is none.
  cluster.network.cut([2, 4], [1, 3]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("ok");
  // Likewise with a majority of the new half only.
  cluster.network.cut([2, 3], [1, 4]);
  const again = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(again.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(refusal(cluster, 1, { action: "commit", prepareIndex: configuration.index })).toBe("");
  cluster.settle();
  expect(hasMembers(cluster, [1, 2, 4])).toBe(true);
  const { term } = cluster.node(1).core;
  cluster.run(50 * cluster.electionMs);
  expect(cluster.node(1).core).toMatchObject({ term, role: Role.leader });
  expect(cluster.node(3).core.role).toBe(Role.follower);
  cluster.checkHistory();
});

test("M13 a voter that becomes an observer counts in the old half only and keeps its progress", () => {
  const cluster = threeOf(3);
  writeEach(cluster, 1, 20);
  cluster.run(20);
  const before = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 3)!;
  ask(cluster, 1, prepare(cluster, 1, [1, 2], [3], { leavesByItself: false }));
  const after = cluster
    .node(1)
    .core.progress()
    .find(({ id }) => id === 3)!;
  expect(after.matchIndex).toBe(before.matchIndex);
  cluster.run(50);
  // 1 and 3 are a majority of the old half; of the new one, {1, 2}, they are none.
  cluster.network.cut([2], [1, 3]);
  const stuck = cluster.write(1);
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("pending");
  cluster.network.heal();
  cluster.run(cluster.electionMs / 2);
  expect(stuck.outcome).toBe("ok");
});
