import {
  type EntryCursor,
  RaftError,
  type RaftGroup,
  RaftServer,
  type StateMachine,
} from "@dt/raft";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { FileLog } from "../src/file-log.ts";
import { FaultyDisk } from "../src/testing/index.ts";
import { type InspectedRecord, inspectLog } from "../src/inspect/inspect-log.ts";
import { verifyLogs } from "../src/inspect/verify-logs.ts";

const GROUP = { electionTimeoutMinMs: 300, electionTimeoutMaxMs: 600, heartbeatMs: 50, tickMs: 10 };
const OPTIONS = { segmentBytes: 16 << 10 };
const PAYLOAD = Buffer.alloc(700, 1);

class Counter implements StateMachine<number> {
  value = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      results.push(++this.value);
    }
  }
}

/** One member: its disk stays, its server comes and goes. */
class Member {
  readonly nodeId: number;
  readonly port: number;
  disk = new FaultyDisk();
  server: RaftServer | null = null;
  readonly groups = new Map<number, RaftGroup<number>>();

  constructor(nodeId: number, port: number) {
    this.nodeId = nodeId;
    this.port = port;
  }

  /** Starts the server with one group after the other; resolves to the error of each that did not open. */
  async start(members: readonly Member[], groupIds: readonly number[]): Promise<RaftError[]> {
    const addresses = members.map(({ nodeId, port }) => ({ nodeId, port, host: "127.0.0.1" }));
    const server = new RaftServer({ clusterId: "repair", nodeId: this.nodeId, members: addresses });
    this.server = server;
    const errors: RaftError[] = [];
    await Promise.all(
      groupIds.map(async (groupId) => {
        const log = new FileLog(location(this.nodeId, groupId), OPTIONS, this.disk);
        const group = { groupId, stateMachine: new Counter(), log, options: GROUP };
        try {
          this.groups.set(groupId, await server.addGroup(group));
        } catch (error) {
          if (!(error instanceof RaftError)) {
            throw error;
          }
          errors.push(error);
        }
      }),
    );
    await server.listen();
    return errors;
  }

  async stop(): Promise<void> {
    await this.server?.close();
    this.groups.clear();
    this.disk = this.disk.afterKill();
  }

  /** Flips a bit in the payload of each of these entries. */
  async damage(groupId: number, ...indexes: number[]): Promise<void> {
    const path = location(this.nodeId, groupId).directory;
    const names = await this.disk.list(`${path}/log`);
    for (const name of names.filter((each) => each.endsWith("idx"))) {
      this.disk.lose(`${path}/log/${name}`); // So that every record is read.
    }
    const found: InspectedRecord[] = [];
    for await (const record of inspectLog(path, this.disk)) {
      found.push(record);
    }
    for (const { file, offset } of found.filter(({ index }) => indexes.includes(index))) {
      this.disk.flipBit(file, (offset + 100) * 8);
    }
  }
}

function location(nodeId: number, groupId: number) {
  return { directory: `/node-${nodeId}/${groupId}`, groupId, storeId: Buffer.alloc(16, nodeId) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function propose(group: RaftGroup<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    group.propose(1, PAYLOAD, 0, PAYLOAD.length, {
      succeed: (_result, index) => resolve(index),
      fail: reject,
    });
  });
}

/** Waits for a leader and writes; resolves to the index of the last entry. */
async function write(members: readonly Member[], groupId: number, count: number): Promise<number> {
  for (;;) {
    const leader = members
      .map((member) => member.groups.get(groupId))
      .find((group) => group?.canReadNow() === true);
    if (leader !== undefined) {
      const indexes = await Promise.all(Array.from({ length: count }, () => propose(leader)));
      return indexes.at(-1) as number;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A stopped cluster of three with entries in its groups, everywhere applied. */
async function stoppedCluster(groupIds: readonly number[]): Promise<Member[]> {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const members = ports.map((port, i) => new Member(i + 1, port));
  onTestFinished(async () => {
    await Promise.all(members.map(async (member) => member.server?.close()));
  });
  await Promise.all(members.map((member) => member.start(members, groupIds)));
  for (const groupId of groupIds) {
    for (let i = 0; i < 8; i++) {
      const index = await write(members, groupId, 10);
      await until(() => members.every((each) => statusOf(each, groupId).appliedIndex >= index));
    }
  }
  await Promise.all(members.map((member) => member.stop()));
  return members;
}

function statusOf(member: Member, groupId: number) {
  return (member.groups.get(groupId) as RaftGroup<number>).status();
}

async function expectEqual(members: readonly Member[], groupIds: readonly number[]): Promise<void> {
  await Promise.all(members.map((member) => member.stop()));
  const all = new FaultyDisk();
  for (const { disk } of members) {
    for (const path of disk.paths().filter((each) => /\.log$|status$/.test(each))) {
      let made = "";
      for (const part of path.split("/").slice(1, -1)) {
        made += `/${part}`;
        await all.makeDirectory(made);
      }
      all.plant(path, disk.contentOf(path));
    }
  }
  const found = await verifyLogs(
    members.map(({ nodeId }) => `/node-${nodeId}`),
    all,
  );
  expect(found.map((each) => each.groupId)).toEqual(groupIds);
  for (const each of found) {
    expect(each.difference).toBeNull();
    expect(each.copies.map((copy) => copy.damage)).toEqual([null, null, null]);
    expect(each.equalTo).toBeGreaterThan(80);
  }
}

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
