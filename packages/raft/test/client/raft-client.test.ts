import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { CommandTable, RpcError, Status } from "@dt/rpc";
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
  isBroken = false;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      if (this.isBroken) {
        throw new Error("this machine is broken");
      }
      results.push(++this.#count);
    }
  }
}

interface Node {
  readonly server: RaftServer;
  readonly group: RaftGroup<number>;
  readonly counter: Counter;
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
      const counter = new Counter();
      const group = await server.addGroup({
        groupId: 1,
        stateMachine: counter,
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
      return { server, group, counter, stalled };
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

const SLOW = { handshakeTimeoutMs: 1_000_000, connectTimeoutMs: 1_000_000 };

test("a node that takes connections and says nothing holds up no call", async () => {
  const [port = 0] = await freePorts(1);
  const silent = createServer().listen(port, "127.0.0.1");
  onTestFinished(() => void silent.close());
  await once(silent, "listening");
  const endpoints = [{ host: "127.0.0.1", port }];
  const client = new RaftClient({ endpoints, rpc: SLOW });
  onTestFinished(() => client.close());
  const call = client.call(WRITE, 1, encodeNothing, null, decodeNumber, { timeoutMs: 50 });
  await assert.rejects(call, hasCode("DT_RAFT_NO_LEADER"));
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

test("a node whose group has stopped is not taken for its leader any more", async () => {
  const nodes = await startNodes(3);
  const client = clientOf(nodes);
  const leader = await leaderOf(nodes);
  leader.counter.isBroken = true;
  const lost = client.call(WRITE, 1, encodeNothing, null, decodeNumber);
  await assert.rejects(lost, hasCode("DT_RAFT_OUTCOME_UNKNOWN"));
  assert.equal(leader.group.stopped?.code, "DT_RAFT_APPLY_FAILED");
  let asked = 0;
  const stopped = new CommandTable().on(WRITE, (request) => {
    asked++;
    request.fail(Status.groupStopped, "DT_RAFT_GROUP_STOPPED", "stopped");
  });
  leader.server.rpc.groups.register(1, stopped);
  const onlyIt = clientOf([leader]);
  const write = onlyIt.call(WRITE, 1, encodeNothing, null, decodeNumber, { timeoutMs: 20_000 });
  assert.equal(await write, 2);
  assert.equal(asked, 0);
});

test.each([
  { timeoutMs: Number.NaN },
  { timeoutMs: 0 },
  { timeoutMs: -1 },
  { refreshMs: Number.NaN },
  { refreshMs: 0 },
  { refreshMs: 2 ** 31 },
])("a client refuses %o", (times) => {
  const endpoints = [{ host: "127.0.0.1", port: 1 }];
  const make = () => void new RaftClient({ endpoints, ...times }).close();
  assert.throws(make, hasCode("DT_RAFT_OPTIONS"));
});

test("a call whose time is no number is refused and does not wait for ever", async () => {
  const endpoints = [{ host: "127.0.0.1", port: 1 }];
  const client = new RaftClient({ endpoints });
  onTestFinished(() => client.close());
  const timeoutMs = Number.NaN;
  const plain = client.call(WRITE, 1, encodeNothing, null, decodeNumber, { timeoutMs });
  await assert.rejects(plain, hasCode("DT_RAFT_OPTIONS"));
  const session = { timeoutMs, session: true };
  const inSession = client.call(WRITE, 1, encodeNothing, null, decodeNumber, session);
  await assert.rejects(inSession, hasCode("DT_RAFT_OPTIONS"));
  await assert.rejects(client.status(endpoints[0]!, timeoutMs), hasCode("DT_RAFT_OPTIONS"));
});

function hasCode(code: RaftError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof RaftError && error.code === code;
}
