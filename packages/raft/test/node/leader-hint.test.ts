import { expect, test } from "vitest";
import { GroupCluster } from "./group-cluster.ts";

test("a refusal names the leader's address of now, though it moved while it led", async () => {
  const cluster = new GroupCluster(3);
  await cluster.start();
  const { id, group } = await cluster.leader();
  const voters = group.configuration.members.map((member) =>
    member.nodeId === id ? { ...member, host: "moved" } : member,
  );
  const change = group.changeMembers({ voters, observers: [] });
  const follower = cluster.node((id % 3) + 1).group!;
  await cluster.run(1000);
  await change;
  expect(follower.leader()).toMatchObject({ nodeId: id, host: "moved" });
  const write = cluster.propose(follower, "item");
  expect(write.error?.fault).toMatchObject({
    code: "DT_RAFT_NOT_LEADER",
    leader: { host: "moved" },
  });
});
