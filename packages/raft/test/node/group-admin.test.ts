import { expect, test } from "vitest";
import type { RaftError } from "../../src/errors.ts";
import { GroupCluster } from "./group-cluster.ts";

const NOWHERE = [8, 9].map((nodeId) => ({ nodeId, host: `host${nodeId}`, port: 7000 + nodeId }));

test("a change that somebody else aborts meanwhile has not succeeded, and says who the members are", async () => {
  const cluster = new GroupCluster(1);
  await cluster.start();
  const { group } = await cluster.leader();
  const own = group.configuration.members;
  let outcome: RaftError | string = "";
  group.changeMembers({ voters: [...own, ...NOWHERE], observers: [] }, { force: true }).then(
    () => (outcome = "done"),
    (error: RaftError) => (outcome = error),
  );
  await cluster.runUntil(
    "the joint configuration",
    () => group.configuration.nextVoters.length > 0,
  );
  const abort = group.changeConfiguration({
    action: "abort",
    prepareIndex: group.configuration.index,
  });
  await cluster.runUntil("an outcome", () => outcome !== "");
  await abort;
  expect(outcome).toMatchObject({ code: "DT_RAFT_OLD_MEMBERS" });
  expect(String(outcome)).toContain("the voters are 1");
});
