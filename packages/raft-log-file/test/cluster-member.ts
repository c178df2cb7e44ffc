import {
  type EntryCursor,
  RaftError,
  type RaftGroup,
  RaftServer,
  type StateMachine,
} from "@dt/raft";
import { freePorts } from "@dt/raft/testing";
import { onTestFinished } from "vitest";
import { EntryMaker, store } from "./entry-maker.ts";
import { FileLog } from "../src/file-log.ts";
import { DataDirectory } from "../src/directory/data-directory.ts";
import { type InspectedRecord, inspectLog } from "../src/inspect/inspect-log.ts";
import type { SharedJournalOptions } from "../src/sync/shared-journal.ts";
import { FaultyDisk, NOTHING_SURVIVES } from "../src/testing/index.ts";

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
export class Member {
  readonly nodeId: number;
  readonly port: number;
  disk = new FaultyDisk();
  server: RaftServer | null = null;
  data: DataDirectory | null = null;
  readonly groups = new Map<number, RaftGroup<number>>();
  /** When its groups share syncs; the defaults without it. */
  readonly #journal: SharedJournalOptions | undefined;

  constructor(nodeId: number, port: number, journal?: SharedJournalOptions) {
    this.nodeId = nodeId;
    this.port = port;
    this.#journal = journal;
  }

  /** Starts the server with one group after the other; resolves to the error of each that did not open. */
  async start(members: readonly Member[], groupIds: readonly number[]): Promise<RaftError[]> {
    const addresses = members.map(({ nodeId, port }) => ({ nodeId, port, host: "127.0.0.1" }));
    const identity = { clusterId: "tested", nodeId: this.nodeId };
    const data = await DataDirectory.open(
      { path: pathOf(this.nodeId), ...identity },
      {
        fileSystem: this.disk,
        lock: async () => ({ release: async () => {} }),
        ...(this.#journal === undefined ? {} : { journal: this.#journal }),
      },
    );
    this.data = data;
    const server = new RaftServer({ ...identity, members: addresses, stores: data.peers });
    this.server = server;
    const errors: RaftError[] = [];
    await Promise.all(
      groupIds.map(async (groupId) => {
        const log = data.log(groupId, OPTIONS);
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
    await this.data?.close();
    this.groups.clear();
    this.disk = this.disk.afterKill();
  }

  /** Stops it as a power cut does that leaves nothing on the disk but what was synced. */
  async losePower(): Promise<void> {
    const left = this.disk.clone().crash(NOTHING_SURVIVES);
    await this.stop();
    this.disk = left;
  }

  /** Adds entries that this member made as the leader of `term` and that nobody else got; the server is stopped. */
  async appendAlone(groupId: number, term: number, count: number): Promise<number> {
    await this.vote(groupId, term, this.nodeId);
    const log = this.#log(groupId);
    const { lastIndex, lastChain } = await log.open();
    const maker = new EntryMaker();
    maker.resetTo({ index: lastIndex, term: 0, chain: lastChain });
    for (let i = 0; i < count; i++) {
      await store(log, maker.write(maker.entries(term, [PAYLOAD])));
    }
    await log.close();
    return lastIndex + count;
  }

  /** Gives this member's vote; the server is stopped. */
  async vote(groupId: number, term: number, vote: number): Promise<void> {
    const log = this.#log(groupId);
    const { hardState } = await log.open();
    await store(log, new EntryMaker().write([], 0, { ...hardState, term, vote }));
    await log.close();
  }

  #log(groupId: number): FileLog {
    const storeId = this.disk.contentOf(`${pathOf(this.nodeId)}/identity`).subarray(16, 32);
    const directory = `${pathOf(this.nodeId)}/${groupId}`;
    return new FileLog({ directory, groupId, storeId }, OPTIONS, this.disk);
  }

  /** Flips a bit in the payload of each of these entries. */
  async damage(groupId: number, ...indexes: number[]): Promise<void> {
    const path = `${pathOf(this.nodeId)}/${groupId}`;
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

export function pathOf(nodeId: number): string {
  return `/node-${nodeId}`;
}

export async function until(condition: () => boolean): Promise<void> {
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
export async function write(
  members: readonly Member[],
  groupId: number,
  count: number,
): Promise<number> {
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
export async function stoppedCluster(groupIds: readonly number[]): Promise<Member[]> {
  const members = await startedCluster(groupIds);
  await Promise.all(members.map((member) => member.stop()));
  return members;
}

/** A cluster of three with entries in its groups, everywhere applied. */
export async function startedCluster(
  groupIds: readonly number[],
  journal?: SharedJournalOptions,
): Promise<Member[]> {
  const ports = await freePorts(3);
  const members = ports.map((port, i) => new Member(i + 1, port, journal));
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
  return members;
}

export function statusOf(member: Member, groupId: number) {
  return (member.groups.get(groupId) as RaftGroup<number>).status();
}
