import assert from "node:assert/strict";
import { RpcError } from "@dt/rpc";
import { test } from "vitest";
import { MemberCluster, until, Writer } from "./member-cluster.kit.ts";

test("T1 no call fails because leadership goes round, and what was acknowledged is counted once", async () => {
  const cluster = await MemberCluster.start(3);
  await cluster.write();
  const writer = new Writer(cluster);
  for (let round = 0; round < 6; round++) {
    const before = (await cluster.leader()).member.nodeId;
    await cluster.handOverTo((before % 3) + 1);
    const { acknowledged } = writer;
    await until(() => writer.acknowledged > acknowledged + 20);
  }
  await writer.stop();
  assert.deepEqual(writer.failures, []);
  assert.equal(await cluster.write(), writer.acknowledged + 2);
});

test("M1 M2 every member is replaced by a fresh node, one after the other, and no call fails", async () => {
  const cluster = await MemberCluster.start(3, 3);
  await cluster.write();
  const writer = new Writer(cluster);
  const { admin } = cluster;
  for (const voters of [
    [2, 3, 4],
    [3, 4, 5],
    [4, 5, 6],
  ]) {
    await admin.changeMembers({ voters: cluster.members(...voters), observers: [] });
    const { acknowledged } = writer;
    await until(() => writer.acknowledged > acknowledged + 20);
  }
  await Promise.all([1, 2, 3].map((id) => cluster.node(id).server.close(0)));
  const { acknowledged } = writer;
  await until(() => writer.acknowledged > acknowledged + 20);
  await writer.stop();
  assert.deepEqual(writer.failures, []);
  assert.equal(await cluster.write(), writer.acknowledged + 2);
  const { voters } = (await cluster.leader()).group.configuration;
  assert.deepEqual(voters, [4, 5, 6]);
  // The client follows: it knows who is there now.
  const ports = cluster.members(4, 5, 6).map(({ port }) => port);
  await until(() => ports.every((port) => cluster.client.endpoints().some((e) => e.port === port)));
});

test("M5 the leader is removed: it hands over first, and the caller gets its answer", async () => {
  const cluster = await MemberCluster.start(3);
  await cluster.write();
  const writer = new Writer(cluster);
  const removed = (await cluster.leader()).member.nodeId;
  const others = [1, 2, 3].filter((id) => id !== removed);
  await cluster.admin.changeMembers({ voters: cluster.members(...others), observers: [] });
  await writer.stop();
  assert.deepEqual(writer.failures, []);
  assert.ok(others.includes((await cluster.leader()).member.nodeId));
});

test("M5 the leader is removed although the member it would hand over to first is down", async () => {
  const cluster = await MemberCluster.start(3, 1);
  await cluster.write();
  const removed = (await cluster.leader()).member.nodeId;
  const [down = 0, other = 0] = [1, 2, 3].filter((id) => id !== removed);
  await cluster.node(down).server.close(0);
  const target = { voters: cluster.members(down, other, 4), observers: [] };
  await cluster.admin.changeMembers(target);
  const { voters } = cluster.node(other).group.configuration;
  assert.deepEqual(voters, [down, other, 4]);
});

test("M7 a removed node is told, although nobody connects to it any more", async () => {
  const cluster = await MemberCluster.start(3);
  await cluster.write();
  const removed = ((await cluster.leader()).member.nodeId % 3) + 1;
  const others = [1, 2, 3].filter((id) => id !== removed);
  await cluster.admin.changeMembers({ voters: cluster.members(...others), observers: [] });
  const { group } = cluster.node(removed);
  const isOut = (): boolean =>
    group.status().isRemoved || !group.configuration.voters.includes(removed);
  await until(isOut);
  assert.equal(group.status().role, "follower");
});

test("Q6 Q7 followers and observers answer linearizable reads", async () => {
  const cluster = await MemberCluster.start(3, 1);
  await cluster.write();
  await cluster.admin.changeMembers({
    voters: cluster.members(1, 2, 3),
    observers: cluster.members(4),
  });
  await until(() => cluster.node(4).group.leader() !== null);
  await until(() => cluster.client.endpoints().length === 4);
  for (let written = 2; written < 42; written++) {
    assert.equal(await cluster.write(), written);
    assert.equal(await cluster.readAnywhere(), written);
  }
  const { appliedIndex, ageMs } = cluster.node(4).group.freshness();
  assert.ok(appliedIndex > 40);
  assert.ok(ageMs < Infinity);
});

test("M15 what makes no sense is refused with a code, and nothing has changed", async () => {
  const cluster = await MemberCluster.start(3, 1);
  await cluster.write();
  const { admin } = cluster;
  const first = await cluster.leader();
  const three = cluster.members(1, 2, 3);
  const old = { oldVoters: [1, 2, 3], oldObservers: [] };
  const cases: [Promise<unknown>, string][] = [
    [admin.changeMembers({ voters: [], observers: [] }), "DT_RAFT_MEMBERS_INVALID"],
    [
      admin.changeMembers({ voters: [...three, ...three], observers: [] }),
      "DT_RAFT_MEMBERS_INVALID",
    ],
    [admin.changeMembers({ voters: three, observers: three }), "DT_RAFT_MEMBERS_INVALID"],
    [
      admin.prepareConfigChange({
        oldVoters: [1, 2],
        oldObservers: [],
        next: { voters: cluster.members(1, 3), observers: [] },
      }),
      "DT_RAFT_OLD_MEMBERS",
    ],
    [
      admin.prepareConfigChange({
        ...old,
        next: { voters: cluster.members(1, 2, 3, 4), observers: [] },
      }),
      "DT_RAFT_MEMBERS_BEHIND",
    ],
    ...[70_000, 0].map((port): [Promise<unknown>, string] => [
      admin.changeMembers({
        voters: three,
        observers: [{ nodeId: 4, host: "127.0.0.1", port }],
      }),
      "DT_RAFT_MEMBERS_INVALID",
    ]),
    [
      admin.changeMembers({ voters: three, observers: [{ nodeId: 4, host: "", port: 7001 }] }),
      "DT_RAFT_MEMBERS_INVALID",
    ],
    [
      admin.changeMembers({ voters: cluster.members(1, 2, 3, 4), observers: cluster.members(4) }),
      "DT_RAFT_MEMBERS_INVALID",
    ],
    ...[1, 2, 3].map((id): [Promise<unknown>, string] => [
      admin.changeMembers({ voters: cluster.members(id, id), observers: [] }),
      "DT_RAFT_MEMBERS_INVALID",
    ]),
    [admin.commitConfigChange(0), "DT_RAFT_PREPARE_INDEX"],
    [admin.abortConfigChange(0), "DT_RAFT_PREPARE_INDEX"],
    [admin.commitConfigChange(99), "DT_RAFT_PREPARE_INDEX"],
    [admin.abortConfigChange(99), "DT_RAFT_PREPARE_INDEX"],
    [admin.transferLeadership(4), "DT_RAFT_TRANSFER_TARGET"],
  ];
  for (const [call, code] of cases) {
    await assert.rejects(call, (error) => error instanceof RpcError && error.remoteCode === code);
  }
  const { member, group } = await cluster.leader();
  assert.equal(group.configuration.index, 0);
  assert.equal(member.nodeId, first.member.nodeId, "nor has anybody handed over");
});

test("M6 M16 a change by hand: one at a time, ended by commit or abort, each safe to repeat", async () => {
  const cluster = await MemberCluster.start(3, 2);
  await cluster.write();
  const { admin } = cluster;
  const change = {
    oldVoters: [1, 2, 3],
    oldObservers: [],
    next: { voters: cluster.members(1, 2, 3), observers: cluster.members(4) },
  };
  const index = await admin.prepareConfigChange(change);
  assert.equal(await admin.prepareConfigChange(change), index);
  const rival = { ...change, next: { voters: cluster.members(1, 2), observers: [] } };
  await assert.rejects(
    admin.prepareConfigChange(rival),
    (error) => error instanceof RpcError && error.remoteCode === "DT_RAFT_CHANGE_PENDING",
  );
  const aborted = await admin.abortConfigChange(index);
  assert.equal(await admin.abortConfigChange(index), aborted);
  const again = await admin.prepareConfigChange(change);
  const done = await admin.commitConfigChange(again);
  assert.equal(await admin.commitConfigChange(again), done);
  assert.deepEqual((await cluster.leader()).group.configuration.observers, [4]);
});

test("T9 a node that is stopped gives its leadership away first", async () => {
  const cluster = await MemberCluster.start(3);
  await cluster.write();
  const writer = new Writer(cluster);
  const leader = await cluster.leader();
  // A machine that stands still may need a second attempt.
  while (leader.group.status().role === "leader") {
    await leader.server.handOver();
  }
  const successor = await cluster.leader();
  assert.notEqual(successor, leader);
  await leader.server.close();
  await cluster.write();
  await writer.stop();
  assert.deepEqual(writer.failures, []);
});
