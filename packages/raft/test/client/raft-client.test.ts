import assert from "node:assert/strict";
import { RpcError, Status } from "@dt/rpc";
import type { IncomingRequest } from "@dt/rpc";
import { onTestFinished, test } from "vitest";
import { MemoryLog, RaftClient, RaftError, RaftServer, failRequest } from "../../src/index.ts";
import type { EntryCursor, RaftGroup, StateMachine } from "../../src/index.ts";
import { freePorts } from "../../src/testing/free-ports.ts";

const WRITE = 256;
const STALL = 257;
const REFUSE = 258;

class Counter implements StateMachine<number> {
  #count = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      results.push(++this.#count);
    }
  }
}

interface Node {
  readonly server: RaftServer;
  readonly group: RaftGroup<number>;
  /** Requests of STALL, which are never answered. */
  readonly stalled: IncomingRequest[];
}

function encodeNothing(): void {
  // A command without arguments.
}

function decodeNumber(body: Buffer, start: number): number {
  return body.readUInt32BE(start);
}

async function startNodes(count: number): Promise<Node[]> {
  const ports = await freePorts(count);
  const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
  return Promise.all(
    members.map(async ({ nodeId }) => {
      const server = new RaftServer({ clusterId: "test", nodeId, members });
      onTestFinished(() => server.close(0));
      const stalled: IncomingRequest[] = [];
      const group = await server.addGroup({
        groupId: 1,
        stateMachine: new Counter(),
        log: new MemoryLog(),
        options: {
          electionTimeoutMinMs: 150,
          electionTimeoutMaxMs: 300,
          heartbeatMs: 40,
          tickMs: 10,
        },
      });
      server
        .commands(1)
        .on(WRITE, (request, body, start, end) => {
          group.propose(0, body, start, end, {
            succeed: (value) => request.reply((writer, v: number) => writer.u32(v), value),
            fail: (error) => failRequest(request, error),
          });
        })
        .on(STALL, (request) => {
          stalled.push(request);
        })
        .on(REFUSE, (request) => request.fail(Status.denied, "TEST_REFUSED", "no"));
      await server.listen();
      return { server, group, stalled };
    }),
  );
}

function clientOf(nodes: readonly Node[]): RaftClient {
  const endpoints = nodes.map(({ server, group }) => {
    const own = group.status().nodeId;
    return server.members.find((member) => member.nodeId === own) ?? { host: "", port: 0 };
  });
  const client = new RaftClient({ endpoints });
  onTestFinished(() => client.close());
  return client;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

async function leaderOf(nodes: readonly Node[]): Promise<Node> {
  await until(() => nodes.some(({ group }) => group.canReadNow()));
  const leader = nodes.find(({ group }) => group.canReadNow());
  assert.ok(leader);
  return leader;
}

test("a client that knows only a follower learns the members from it", async () => {
  const nodes = await startNodes(3);
  const leader = await leaderOf(nodes);
  const followers = nodes.filter((node) => node !== leader);
  await until(() => followers.every(({ group }) => group.leader() !== null));
  const client = clientOf(followers.slice(0, 1));
  assert.equal(client.endpoints().length, 1);
  assert.equal(await client.call(WRITE, 1, encodeNothing, null, decodeNumber), 1);
  assert.equal(client.endpoints().length, 3);
});

test("calls go on after the leader's process is gone, in time for their deadline", async () => {
  const nodes = await startNodes(3);
  const client = clientOf(nodes);
  assert.equal(await client.call(WRITE, 1, encodeNothing, null, decodeNumber), 1);
  const leader = await leaderOf(nodes);
  await leader.server.close(0);
  assert.equal(await client.call(WRITE, 1, encodeNothing, null, decodeNumber), 2);
});

test("without any leader a call ends at its deadline, and was certainly not executed", async () => {
  const [node] = await startNodes(3).then(async ([first, ...others]) => {
    await Promise.all(others.map(({ server }) => server.close(0)));
    return [first];
  });
  assert.ok(node);
  const client = clientOf([node]);
  const call = client.call(WRITE, 1, encodeNothing, null, decodeNumber, { timeoutMs: 200 });
  await assert.rejects(
    call,
    (error) =>
      hasCode("DT_RAFT_NO_LEADER")(error) && (error as RaftError).mayHaveExecuted === false,
  );
});

test("X5 a write whose answer is lost is reported as unknown and not repeated; a read is repeated", async () => {
  const nodes = await startNodes(3);
  const client = clientOf(nodes);
  const leader = await leaderOf(nodes);
  const write = client.call(STALL, 1, encodeNothing, null, decodeNumber);
  const read = client.call(STALL, 1, encodeNothing, null, decodeNumber, { idempotent: true });
  await until(() => leader.stalled.length === 2);
  const others = nodes.filter((node) => node !== leader);
  const failed = assert.rejects(
    write,
    (error) =>
      hasCode("DT_RAFT_OUTCOME_UNKNOWN")(error) &&
      (error as RaftError).mayHaveExecuted &&
      (error as RaftError).cause instanceof RpcError,
  );
  await leader.server.close(0);
  await failed;
  await until(() => others.some(({ stalled }) => stalled.length > 0));
  const requests = others.flatMap(({ stalled }) => stalled);
  assert.equal(requests.length, 1, "only the read came again");
  requests[0]?.reply((writer, v: number) => writer.u32(v), 9);
  assert.equal(await read, 9);
});

test("a coded refusal reaches the caller as it is, or as what the caller makes of it", async () => {
  const nodes = await startNodes(1);
  const client = clientOf(nodes);
  const plain = client.call(REFUSE, 1, encodeNothing, null, decodeNumber);
  await assert.rejects(
    plain,
    (error) => error instanceof RpcError && error.remoteCode === "TEST_REFUSED",
  );
  class OwnError extends Error {}
  const toError = (error: RpcError) => new OwnError(error.remoteCode ?? "");
  const own = client.call(REFUSE, 1, encodeNothing, null, decodeNumber, { toError });
  await assert.rejects(
    own,
    (error) => error instanceof OwnError && error.message === "TEST_REFUSED",
  );
});

test("closing ends what waits and refuses what comes", async () => {
  const [port = 0] = await freePorts(1);
  const client = new RaftClient({ endpoints: [{ host: "127.0.0.1", port }] });
  const waiting = client.call(WRITE, 1, encodeNothing, null, decodeNumber);
  const ended = assert.rejects(waiting, hasCode("DT_RAFT_CLIENT_CLOSED"));
  await client.close();
  await ended;
  const late = client.call(WRITE, 1, encodeNothing, null, decodeNumber);
  await assert.rejects(late, hasCode("DT_RAFT_CLIENT_CLOSED"));
});

function hasCode(code: RaftError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof RaftError && error.code === code;
}
