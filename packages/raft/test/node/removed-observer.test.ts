import { expect, test } from "vitest";
import { MessageKind } from "../../src/core/message.ts";
import { GroupCluster, Outcome } from "./group-cluster.ts";

test("a read that waits at an observer ends when the observer is removed", async () => {
  const cluster = new GroupCluster(3);
  await cluster.start();
  const { id, group } = await cluster.leader();
  const member = (nodeId: number) => ({ nodeId, host: `host${nodeId}`, port: 7000 + nodeId });
  const [voter, observer] = [1, 2, 3].filter((each) => each !== id) as [number, number];
  const voters = [member(id), member(voter)];
  await done(cluster, group.changeMembers({ voters, observers: [member(observer)] }));
  await cluster.run(1000);
  cluster.onWay = (message) =>
    message.kind === MessageKind.append && message.to === observer ? null : message;
  const write = cluster.propose(group, "item");
  await cluster.runUntil("the write", () => write.text.startsWith("result"));
  const read = new Outcome();
  cluster.node(observer).group!.read(read, true);
  await cluster.run(200);
  expect(read.text).toBe("waits");
  await done(cluster, group.changeMembers({ voters, observers: [] }));
  await cluster.run(20_000);
  expect(read.text).toBe("DT_RAFT_NOT_LEADER");
});

async function done(cluster: GroupCluster, change: Promise<void>): Promise<void> {
  let isDone = false;
  change.then(
    () => (isDone = true),
    (error: unknown) => {
      throw error;
    },
  );
  await cluster.runUntil("the change", () => isDone);
}
