import assert from "node:assert/strict";
import { RpcError } from "@dt/rpc";
import { onTestFinished } from "vitest";
import { failRequest, MemoryLog, RaftAdmin, RaftClient, RaftServer } from "../../src/index.ts";
import type { EntryCursor, Member, RaftGroup, StateMachine } from "../../src/index.ts";
import { freePorts } from "../../src/testing/free-ports.ts";

export const GROUP = 1;
const WRITE = 256;
const READ = 257;
const FAST = { electionTimeoutMinMs: 200, electionTimeoutMaxMs: 400, heartbeatMs: 40, tickMs: 10 };

/** Counts; a write is answered with the count after it. */
class Counter implements StateMachine<number> {
  count = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      results.push(++this.count);
    }
  }
}

export interface TestMember {
  readonly member: Member;
  readonly server: RaftServer;
  readonly group: RaftGroup<number>;
  readonly counter: Counter;
}

/** Real servers on real sockets; some start as the group, the others wait to be added. */
export class MemberCluster {
  readonly all: TestMember[] = [];
  readonly client: RaftClient;
  readonly admin: RaftAdmin;

  private constructor(endpoints: readonly Member[]) {
    this.client = new RaftClient({ endpoints, refreshMs: 50 });
    this.admin = new RaftAdmin(this.client, GROUP);
  }

  static async start(voters: number, others = 0): Promise<MemberCluster> {
    const ports = await freePorts(voters + others);
    const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
    const first = members.slice(0, voters);
    const cluster = new MemberCluster(first);
    onTestFinished(() => cluster.close());
    for (const member of members) {
      await cluster.#add(member, first.includes(member) ? first : []);
    }
    return cluster;
  }

  /** The members with these ids, as a target. */
  members(...ids: readonly number[]): Member[] {
    return ids.map((id) => this.node(id).member);
  }

  node(id: number): TestMember {
    const found = this.all.find(({ member }) => member.nodeId === id);
    assert.ok(found);
    return found;
  }

  async leader(): Promise<TestMember> {
    const leads = ({ group }: TestMember): boolean =>
      group.stopped === null && group.status().role === "leader";
    await until(() => this.all.some(leads));
    return this.all.find(leads) as TestMember;
  }

  /** Asks again as long as the node was too slow for it: a machine may stand still at any time. */
  async handOverTo(id: number): Promise<void> {
    for (;;) {
      try {
        await this.admin.transferLeadership(id);
      } catch (error) {
        assert.ok(error instanceof RpcError && error.remoteCode === "DT_RAFT_TRANSFER_FAILED");
      }
      if ((await this.leader()).member.nodeId === id) {
        return;
      }
    }
  }

  write(): Promise<number> {
    return this.client.call(WRITE, GROUP, encodeNothing, null, decodeNumber);
  }

  /** Linearizable, at any member. */
  readAnywhere(): Promise<number> {
    const options = { anyMember: true, idempotent: true };
    return this.client.call(READ, GROUP, encodeNothing, null, decodeNumber, options);
  }

  async close(): Promise<void> {
    await this.client.close();
    await Promise.all(this.all.map(({ server }) => server.close(0)));
  }

  async #add(member: Member, members: readonly Member[]): Promise<void> {
    const server = new RaftServer({
      clusterId: "members",
      nodeId: member.nodeId,
      members,
      listen: { host: member.host, port: member.port },
    });
    const counter = new Counter();
    const group = await server.addGroup<number>({
      groupId: GROUP,
      stateMachine: counter,
      log: new MemoryLog(),
      options: FAST,
    });
    server
      .commands(GROUP)
      .on(WRITE, (request, body, start, end) => {
        group.propose(0, body, start, end, {
          succeed: (value) => request.reply((writer, v: number) => writer.u32(v), value),
          fail: (error) => failRequest(request, error),
        });
      })
      .on(READ, (request) => {
        group.read(
          {
            ready: () => request.reply((writer, v: number) => writer.u32(v), counter.count),
            fail: (error) => failRequest(request, error),
          },
          true,
        );
      });
    await server.listen();
    this.all.push({ member, server, group, counter });
  }
}

/** Writes one after the other until stopped or until one fails; every failure is kept. */
export class Writer {
  readonly failures: unknown[] = [];
  acknowledged = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(cluster: MemberCluster, count = 8) {
    const lanes = Array.from({ length: count }, () => this.#run(cluster));
    this.#done = Promise.all(lanes).then(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(cluster: MemberCluster): Promise<void> {
    while (!this.#isStopped) {
      try {
        await cluster.write();
        this.acknowledged++;
      } catch (error) {
        // A client that is closed refuses at once: to go on would spin without end.
        this.failures.push(error);
        return;
      }
    }
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

function encodeNothing(): void {
  // A command without arguments.
}

function decodeNumber(body: Buffer, start: number): number {
  return body.readUInt32BE(start);
}
