import assert from "node:assert/strict";
import { RpcClient, RpcError, tokenAuth, tokenCredentials, tokenDigest } from "@dt/rpc";
import { describe, test } from "vitest";
import { runCounter } from "../../examples/counter.ts";
import { MemoryLog, RaftError, RaftServer } from "../../src/index.ts";
import {
  MEMBER_ADDRESS_COMMAND,
  MESSAGE_KINDS,
  messageCommand,
} from "../../src/transport/commands.ts";
import { freePorts } from "../../src/testing/free-ports.ts";
import { MEMBER_ROLE } from "../../src/transport/membership-check.ts";

class TestServer extends RaftServer {
  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0);
  }
}

describe("raft server", () => {
  test("the counter example counts", async () => {
    assert.equal(await runCounter(await freePorts(3)), 42);
  });

  test("refuses a wrong member list with every problem", () => {
    const members = [
      { nodeId: 1, host: "a", port: 1 },
      { nodeId: 1, host: "a", port: 1 },
      { nodeId: 0, host: "b", port: 1 },
    ];
    assert.throws(
      () => new RaftServer({ clusterId: "c", nodeId: 9, members }),
      (error) =>
        error instanceof RaftError &&
        error.fault.code === "DT_RAFT_OPTIONS" &&
        error.fault.problems.length === 4,
    );
  });

  test("refuses peers of another cluster, unknown members and itself", async () => {
    const [port = 0] = await freePorts(1);
    const members = [{ nodeId: 1, host: "127.0.0.1", port }];
    const server = new RaftServer({ clusterId: "mine", nodeId: 1, members });
    await server.listen();
    const refusalOf = async (identity: { clusterId: string; role: string; nodeId: number }) => {
      const client = new RpcClient({ address: { host: "127.0.0.1", port }, identity });
      try {
        await client.connect();
        return null;
      } catch (error) {
        assert.ok(error instanceof RpcError);
        return error.remoteCode;
      } finally {
        await client.close();
      }
    };
    const role = MEMBER_ROLE;
    assert.equal(await refusalOf({ clusterId: "other", role, nodeId: 1 }), "DT_RAFT_WRONG_CLUSTER");
    assert.equal(
      await refusalOf({ clusterId: "other", role: "", nodeId: 0 }),
      "DT_RAFT_WRONG_CLUSTER",
    );
    assert.equal(
      await refusalOf({ clusterId: "mine", role, nodeId: 1 }),
      "DT_RAFT_SELF_CONNECTION",
    );
    assert.equal(await refusalOf({ clusterId: "mine", role: "", nodeId: 0 }), null);
    assert.equal(await refusalOf({ clusterId: "", role: "", nodeId: 0 }), null);
    await server.close();
  });

  test("answers who asks for an answer to a message between members", async () => {
    const [port = 0] = await freePorts(1);
    const members = [{ nodeId: 1, host: "127.0.0.1", port }];
    await using server = new TestServer({ clusterId: "mine", nodeId: 1, members });
    await server.addGroup({
      groupId: 1,
      stateMachine: { applyBatch: () => {} },
      log: new MemoryLog(),
    });
    await server.listen();
    await using client = new RpcClient({ address: { host: "127.0.0.1", port } });
    await client.connect();
    const messages = MESSAGE_KINDS.map((kind) => [messageCommand(kind), 1] as const);
    for (const [command, groupId] of [[MEMBER_ADDRESS_COMMAND, 0] as const, ...messages]) {
      await assert.rejects(
        client.call(
          command,
          groupId,
          10_000,
          () => {},
          null,
          () => null,
        ),
        (error) => error instanceof RpcError && error.remoteCode === "DT_RAFT_REQUEST_MALFORMED",
      );
    }
  });

  test("takes for members only those whose proved identity may be one", async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const host = "127.0.0.1";
    const members = [
      { nodeId: 1, host, port },
      { nodeId: 2, host, port: other },
    ];
    const tokens = ["node", "alice"].map((name) => ({ name, sha256: tokenDigest(name) }));
    const server = new RaftServer({
      clusterId: "mine",
      nodeId: 1,
      members,
      rpcServer: { auth: { mechanisms: [tokenAuth(tokens)] } },
      isMember: ({ kind, name }) => kind === "token" && name === "node",
    });
    await server.listen();
    const refusalOf = async (token: string, role: string) => {
      const auth = tokenCredentials(token, { allowPlaintext: true });
      const identity = { clusterId: "mine", role, nodeId: role === "" ? 0 : 2 };
      const client = new RpcClient({ address: { host, port }, identity, auth });
      const code = await client.connect().then(
        () => null,
        (error: unknown) => (error instanceof RpcError ? error.remoteCode : String(error)),
      );
      await client.close();
      return code;
    };
    assert.equal(await refusalOf("node", MEMBER_ROLE), null);
    assert.equal(await refusalOf("alice", MEMBER_ROLE), "DT_RAFT_MEMBER_IDENTITY");
    assert.equal(await refusalOf("alice", ""), null);
    await server.close();
  });
});
