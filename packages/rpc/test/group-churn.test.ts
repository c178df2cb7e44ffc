import { expect, test } from "vitest";
import { CommandTable, Status } from "../src/index.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { startClient, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { CallCompletion, RpcClient, RpcError, RpcServer } from "../src/index.ts";

/** Some of them equal in their low bits, some of 32 bits. */
const GROUP_IDS = [1, 2, 3, 17, 18, 33, 0x10000, 0x10001, 0x8000_0001, 0xffff_fff1];
const CALLS_PER_GROUP = 100;
const ROUNDS = 30;

/** What became of every message, by its name. */
class Ledger {
  /** How often a handler got it. */
  readonly handled = new Map<string, number>();
  /** The outcomes at the caller. */
  readonly outcomes = new Map<string, (string | RpcError)[]>();
  readonly misrouted: string[] = [];
  notesHandled = 0;

  take(name: string, owner: number, groupId: number): void {
    this.handled.set(name, (this.handled.get(name) ?? 0) + 1);
    if (groupId !== owner || !name.startsWith(`${owner}/`)) {
      this.misrouted.push(name);
    }
  }

  end(name: string, outcome: string | RpcError): void {
    const outcomes = this.outcomes.get(name);
    if (outcomes === undefined) {
      this.outcomes.set(name, [outcome]);
    } else {
      outcomes.push(outcome);
    }
  }
}

class Call implements CallCompletion {
  readonly #name: string;
  readonly #ledger: Ledger;

  constructor(name: string, ledger: Ledger) {
    this.#name = name;
    this.#ledger = ledger;
  }

  onReply(body: Buffer, start: number, end: number): void {
    this.#ledger.end(this.#name, readText(body, start, end));
  }

  onFail(error: RpcError): void {
    this.#ledger.end(this.#name, error);
  }
}

/** Registers the group anew; it answers some requests at once and some a turn later. */
function register(server: RpcServer, groupId: number, ledger: Ledger): void {
  let count = 0;
  const table = new CommandTable()
    .on(ECHO, (request, body, start, end) => {
      const name = readText(body, start, end);
      ledger.take(name, groupId, request.groupId);
      if (count++ % 3 === 0) {
        setImmediate(() => request.reply(writeText, name));
      } else {
        request.reply(writeText, name);
      }
    })
    .on(NOTE, () => {
      ledger.notesHandled++;
    });
  server.groups.register(groupId, table);
}

/** In each round one group is drained and removed, one that was removed comes back. */
async function churn(server: RpcServer, ledger: Ledger, isOver: () => boolean): Promise<number> {
  let changes = 0;
  while (!isOver()) {
    const groupId = GROUP_IDS[changes % GROUP_IDS.length] ?? 0;
    if (changes % 3 === 0) {
      expect(await server.groups.retire(groupId, 10_000)).toBe(true);
    } else {
      server.groups.unregister(groupId);
    }
    expect(server.groups.exists(groupId)).toBe(false);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    register(server, groupId, ledger);
    changes++;
  }
  return changes;
}

async function sendRound(
  client: RpcClient,
  connectionName: string,
  round: number,
  ledger: Ledger,
): Promise<number> {
  let notes = 0;
  for (let serial = 0; serial < CALLS_PER_GROUP; serial++) {
    for (const groupId of GROUP_IDS) {
      const name = `${groupId}/${connectionName}/${round}/${serial}`;
      client.start(ECHO, groupId, 0, writeText, name, new Call(name, ledger));
      if (serial % 10 === 0 && client.oneWay(NOTE, groupId, writeText, name)) {
        notes++;
      }
    }
  }
  await until(() => client.connection?.pendingCalls === 0, "the outcomes of a round");
  return notes;
}

test("groups come and go under traffic, and each message has one outcome, of its own group", async () => {
  const { server, address } = await startServer();
  const ledger = new Ledger();
  for (const groupId of GROUP_IDS) {
    register(server, groupId, ledger);
  }
  const clients = [await startClient({ address }), await startClient({ address })];
  let nacks = 0;
  for (const client of clients) {
    client.connection?.onNack((_groupId, status) => {
      expect([Status.groupNotFound, Status.groupStopped]).toContain(status);
      nacks++;
    });
  }
  let isOver = false;
  const churned = churn(server, ledger, () => isOver);
  let notes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const sent = clients.map((client, index) => sendRound(client, `${index}`, round, ledger));
    notes += (await Promise.all(sent)).reduce((sum, count) => sum + count, 0);
  }
  isOver = true;
  expect(await churned).toBeGreaterThan(GROUP_IDS.length);
  await until(() => ledger.notesHandled + nacks === notes, "the end of all one-ways");
  expect(ledger.misrouted).toEqual([]);
  expect(ledger.outcomes.size).toBe(clients.length * ROUNDS * GROUP_IDS.length * CALLS_PER_GROUP);
  const refused = checkOutcomes(ledger);
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(ledger.outcomes.size);
});

/** A reply stands for one handling, a refusal for none. Returns how many were refused. */
function checkOutcomes(ledger: Ledger): number {
  let refused = 0;
  for (const [name, outcomes] of ledger.outcomes) {
    const [outcome] = outcomes;
    if (outcomes.length !== 1 || outcome === undefined) {
      throw new Error(`${name} has ${outcomes.length} outcomes`);
    }
    const handled = ledger.handled.get(name) ?? 0;
    if (typeof outcome === "string") {
      expect([name, handled]).toEqual([outcome, 1]);
    } else {
      expect([Status.groupNotFound, Status.groupStopped]).toContain(outcome.status);
      expect([outcome.mayHaveExecuted, handled]).toEqual([false, 0]);
      refused++;
    }
  }
  return refused;
}
