import type { RaftError, RaftGroup } from "@dt/raft";
import { describe, expect, test } from "vitest";
import { type Member, statusOf, stoppedCluster, until, write } from "./cluster-member.ts";
import { expectEqual } from "./equal-logs.ts";

describe("a member with damaged entries", () => {
  test("D5 fetches them from the others before it takes part", async () => {
    const members = await stoppedCluster([1]);
    const [a, b, c] = members as [Member, Member, Member];
    await b.damage(1, 40, 71);
    // Alone it does not start: it does not know what it has promised.
    const starting = b.start(members, [1]);
    await a.start(members, [1]);
    expect(await starting).toEqual([]);
    expect(statusOf(b, 1).lastIndex).toBeGreaterThan(80);
    await c.start(members, [1]);
    const index = await write(members, 1, 1);
    await until(() => members.every((each) => statusOf(each, 1).appliedIndex >= index));
    await expectEqual(members, [1]);
  });

  test("D7 repairs from the one that has them, and members repair each other", async () => {
    const members = await stoppedCluster([1]);
    const [a, b, c] = members as [Member, Member, Member];
    await a.damage(1, 40);
    await b.damage(1, 40);
    await c.damage(1, 60);
    const errors = await Promise.all(members.map((member) => member.start(members, [1])));
    expect(errors.flat()).toEqual([]);
    const index = await write(members, 1, 1);
    await until(() => members.every((each) => statusOf(each, 1).appliedIndex >= index));
    await expectEqual(members, [1]);
  });

  test("D8 stops the group with a report when nobody has them; other groups run", async () => {
    const members = await stoppedCluster([1, 2]);
    for (const member of members) {
      await member.damage(2, 50);
    }
    const errors = await Promise.all(members.map((member) => member.start(members, [1, 2])));
    for (const [i, found] of errors.entries()) {
      expect(found.map((error) => error.code)).toEqual(["DT_RAFT_LOG_DAMAGED"]);
      const others = [1, 2, 3].filter((nodeId) => nodeId !== i + 1);
      expect(found[0]?.fault).toMatchObject({
        groupId: 2,
        term: expect.any(Number),
        answers: others.map((nodeId) => `node ${nodeId}: damaged`),
      });
      const { fault } = found[0] as RaftError;
      expect("lastIndex" in fault && fault.firstIndex <= 50 && fault.lastIndex >= 50).toBe(true);
    }
    expect(await write(members, 1, 3)).toBeGreaterThan(80);
  });

  test("D9 drops entries that it alone had, once every other member has said so", async () => {
    const members = await stoppedCluster([1]);
    const [a, b, c] = members as [Member, Member, Member];
    const term = 50;
    await Promise.all([b.vote(1, term, a.nodeId), c.vote(1, term, a.nodeId)]);
    const last = await a.appendAlone(1, term, 6);
    await a.damage(1, last - 4);
    const started = a.start(members, [1]);
    // One member is not all of them: it waits.
    await b.start(members, [1]);
    let isStarted = false;
    void started.then(() => {
      isStarted = true;
    });
    const asked = (b.groups.get(1) as RaftGroup<number>).onFetch.bind(b.groups.get(1));
    let questions = 0;
    (b.groups.get(1) as RaftGroup<number>).onFetch = (request) => {
      questions++;
      return asked(request);
    };
    await until(() => questions > 1);
    expect(isStarted).toBe(false);
    await c.start(members, [1]);
    expect(await started).toEqual([]);
    const index = await write(members, 1, 1);
    await until(() => members.every((each) => statusOf(each, 1).appliedIndex >= index));
    await expectEqual(members, [1]);
  });

  test("a server that closes meanwhile ends the repair", async () => {
    const members = await stoppedCluster([1]);
    const [a] = members as [Member];
    await a.damage(1, 40);
    const starting = a.start(members, [1]);
    await new Promise(setImmediate);
    await a.server?.close();
    expect((await starting.catch((error: unknown) => [error]))[0]).toMatchObject({
      code: "DT_RAFT_GROUP_STOPPED",
    });
    expect(a.disk.openFiles).toBe(0);
  });
});
