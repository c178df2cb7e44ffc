import { RpcClient, Status } from "@dt/rpc";
import type { Authorize, IncomingRequest } from "@dt/rpc";
import { describe, expect, onTestFinished, test } from "vitest";
import { failRequest, MemoryLog, RaftClient, RaftError, RaftServer } from "../../src/index.ts";
import type { EntryCursor, KeptResults, Member, RaftGroup, StateMachine } from "../../src/index.ts";
import type { SessionKey } from "../../src/index.ts";
import { OPEN_SESSION_COMMAND, SESSION_CALL_COMMAND } from "../../src/transport/commands.ts";
import { decodeSessionKey, encodeSessionCall } from "../../src/transport/session-commands.ts";
import { freePorts } from "../../src/testing/free-ports.ts";

const WRITE = 256;

class Counter implements StateMachine<number>, KeptResults<number> {
  count = 0;

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      results.push(++this.count);
    }
  }

  encodeResult(result: number): Buffer {
    return Buffer.from([result]);
  }

  decodeResult(bytes: Buffer): number {
    return bytes.readUInt8(0);
  }
}

/** What a node does with the requests that it gets, one after the other; then it answers. */
type Behaviour = "answer" | "swallow" | "expired" | "stopped";

class Node {
  readonly server: RaftServer;
  readonly counter = new Counter();
  readonly behaviours: Behaviour[] = [];
  requests = 0;
  group: RaftGroup<number> | null = null;

  constructor(server: RaftServer) {
    this.server = server;
  }

  onWrite(request: IncomingRequest, body: Buffer, start: number, end: number): void {
    this.requests++;
    const behaviour = this.behaviours.shift() ?? "answer";
    if (behaviour === "expired") {
      request.fail(Status.denied, "DT_RAFT_SESSION_EXPIRED", "forgotten");
      return;
    }
    this.group?.propose(0, body, start, end, {
      succeed: (value) => {
        if (behaviour === "stopped") {
          const code = "DT_RAFT_GROUP_STOPPED";
          failRequest(request, new RaftError({ code, groupId: 1, taken: true }));
        } else if (behaviour === "answer") {
          request.reply((writer, v: number) => writer.u32(v), value);
        }
      },
      fail: (error) => failRequest(request, error),
    });
  }
}

async function startNodes(
  count: number,
  authorize: Authorize = () => true,
): Promise<{ nodes: Node[]; client: RaftClient }> {
  const ports = await freePorts(count);
  const members = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
  const nodes = await startMembers(members, authorize);
  const client = new RaftClient({ endpoints: members, timeoutMs: 20_000 });
  onTestFinished(() => client.close());
  return { nodes, client };
}

async function startMembers(
  members: readonly Member[],
  authorize: Authorize = () => true,
): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const { nodeId } of members) {
    const node = new Node(
      new RaftServer({ clusterId: "test", nodeId, members, rpcServer: { authorize } }),
    );
    onTestFinished(() => node.server.close(0));
    node.group = await node.server.addGroup({
      groupId: 1,
      stateMachine: node.counter,
      log: new MemoryLog(),
      options: {
        electionTimeoutMinMs: 150,
        electionTimeoutMaxMs: 300,
        heartbeatMs: 40,
        tickMs: 10,
      },
    });
    node.server
      .commands(1)
      .on(WRITE, (request, body, start, end) => node.onWrite(request, body, start, end));
    await node.server.listen();
    nodes.push(node);
  }
  return nodes;
}

function write(client: RaftClient, timeoutMs = 20_000): Promise<number> {
  return client.call(
    WRITE,
    1,
    () => {},
    null,
    (body, start) => body.readUInt32BE(start),
    { session: true, timeoutMs },
  );
}

/** A client that speaks the commands of sessions itself. */
function connect(node: Node): RpcClient {
  const { host, port } = node.server.members.find(({ nodeId }) => nodeId === node.server.nodeId)!;
  const rpc = new RpcClient({ address: { host, port } });
  onTestFinished(() => rpc.close());
  return rpc;
}

async function openSession(rpc: RpcClient): Promise<SessionKey> {
  await rpc.connect();
  return rpc.call(OPEN_SESSION_COMMAND, 1, 20_000, () => {}, null, decodeSessionKey);
}

async function callIn(rpc: RpcClient, key: SessionKey, sequence: number): Promise<number> {
  await rpc.connect();
  const id = { ...key, sequence, answered: 1 };
  const call = { id, command: WRITE, encode: () => {}, argument: null };
  return rpc.call(SESSION_CALL_COMMAND, 1, 20_000, encodeSessionCall, call, (body, start) =>
    body.readUInt32BE(start),
  );
}

async function leaderOf(nodes: readonly Node[]): Promise<Node> {
  for (;;) {
    const leader = nodes.find(({ group }) => group?.canReadNow() === true);
    if (leader !== undefined) {
      return leader;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

describe("a write in a session", () => {
  test("X1 whose answer does not come is repeated in its time, applied once, answered with its result", async () => {
    const { nodes, client } = await startNodes(1);
    const leader = await leaderOf(nodes);
    expect(await write(client)).toBe(1);
    leader.behaviours.push("swallow");
    expect(await write(client, 2000)).toBe(2);
    expect([leader.requests, leader.counter.count]).toEqual([3, 2]);
    expect(await write(client)).toBe(3);
  });

  test("X1 whose leader is lost after it was applied gets its first result from the next one", async () => {
    const { nodes, client } = await startNodes(3);
    const leader = await leaderOf(nodes);
    expect(await write(client)).toBe(1);
    leader.behaviours.push("swallow");
    const lost = write(client);
    await until(() => leader.counter.count === 2);
    await leader.server.close(0);
    expect(await lost).toBe(2);
    expect(await write(client)).toBe(3);
    const next = await leaderOf(nodes.filter((node) => node !== leader));
    expect(next.counter.count).toBe(3);
  });

  test("X1 whose leader stops after it was taken gets its first result", async () => {
    const { nodes, client } = await startNodes(1);
    const leader = await leaderOf(nodes);
    expect(await write(client)).toBe(1);
    leader.behaviours.push("stopped");
    expect(await write(client)).toBe(2);
    expect([leader.requests, leader.counter.count]).toEqual([3, 2]);
  });

  test("ends at its own deadline while no session can be opened", async () => {
    const [port = 0] = await freePorts(1);
    const endpoints = [{ host: "127.0.0.1", port }];
    const client = new RaftClient({ endpoints, timeoutMs: 10_000_000 });
    onTestFinished(() => client.close());
    const refused = { code: "DT_RAFT_NO_LEADER", mayHaveExecuted: false };
    await expect(write(client, 50)).rejects.toMatchObject(refused);
  });

  test("waits for a session beyond the time that the client gives to other calls", async () => {
    const [port = 0] = await freePorts(1);
    const members = [{ nodeId: 1, host: "127.0.0.1", port }];
    const client = new RaftClient({ endpoints: members, timeoutMs: 300 });
    onTestFinished(() => client.close());
    const other = client.call(
      WRITE,
      1,
      () => {},
      null,
      () => null,
    );
    const late = write(client, 20_000);
    await expect(other).rejects.toMatchObject({ code: "DT_RAFT_NO_LEADER" });
    await startMembers(members);
    expect(await late).toBe(1);
  });

  test("is refused where its command is, and the session goes on", async () => {
    let isAllowed = false;
    const { nodes, client } = await startNodes(
      1,
      (_identity, command, groupId) => command !== WRITE || (groupId === 1 && isAllowed),
    );
    const leader = await leaderOf(nodes);
    await expect(write(client)).rejects.toMatchObject({ remoteCode: "DT_RPC_DENIED" });
    expect([leader.requests, leader.counter.count]).toEqual([0, 0]);
    isAllowed = true;
    expect(await write(client)).toBe(1);
  });

  test("cannot be made in the session of another client, which goes on unhurt", async () => {
    const { nodes } = await startNodes(1);
    const leader = await leaderOf(nodes);
    const rpc = connect(leader);
    const mine = await openSession(rpc);
    expect(await callIn(rpc, mine, 1)).toBe(1);
    const other = connect(leader);
    const theirs = await openSession(other);
    expect(theirs.secret).not.toBe(mine.secret);
    for (const secret of [theirs.secret, mine.secret ^ 1n, 0n]) {
      for (const sequence of [1, 2, 500]) {
        const stolen = callIn(other, { session: mine.session, secret }, sequence);
        await expect(stolen).rejects.toMatchObject({
          code: "DT_RPC_REMOTE",
          remoteCode: "DT_RAFT_SESSION_EXPIRED",
          mayHaveExecuted: false,
        });
      }
    }
    expect(await callIn(rpc, mine, 1)).toBe(1);
    expect(await callIn(rpc, mine, 2)).toBe(2);
    expect(leader.counter.count).toBe(2);
  });

  test("X2 gets another session when its own is forgotten before it was tried", async () => {
    const { nodes, client } = await startNodes(1);
    const leader = await leaderOf(nodes);
    expect(await write(client)).toBe(1);
    leader.behaviours.push("expired");
    expect(await write(client)).toBe(2);
    expect(leader.counter.count).toBe(2);
  });

  test("X2 is reported as unknown when its session is forgotten after it was tried", async () => {
    const { nodes, client } = await startNodes(1);
    const leader = await leaderOf(nodes);
    expect(await write(client)).toBe(1);
    leader.behaviours.push("swallow", "expired");
    await expect(write(client, 2000)).rejects.toMatchObject({
      code: "DT_RAFT_OUTCOME_UNKNOWN",
      mayHaveExecuted: true,
    });
    expect(leader.counter.count).toBe(2);
    expect(await write(client)).toBe(3);
  });

  test("many at once are each applied once", async () => {
    const { nodes, client } = await startNodes(1);
    const leader = await leaderOf(nodes);
    const results = await Promise.all(Array.from({ length: 200 }, () => write(client)));
    expect(results.toSorted((a, b) => a - b)).toEqual(results.map((_, i) => i + 1));
    expect(leader.counter.count).toBe(200);
  });
});
