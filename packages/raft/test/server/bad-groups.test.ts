import { connect } from "node:net";
import { CommandTable } from "@dt/rpc";
import { describe, expect, onTestFinished, test } from "vitest";
import { type LogState, MemoryLog, RaftServer } from "../../src/index.ts";
import type { RaftServerConfig, StateMachine } from "../../src/index.ts";
import { freePorts } from "../../src/testing/free-ports.ts";

const MACHINE: StateMachine<null> = {
  applyBatch: (entries, results) => {
    while (entries.next()) {
      results.push(null);
    }
  },
};

class WatchedLog extends MemoryLog {
  isOpened = false;
  isClosed = false;
  /** What opening waits for. */
  opening: Promise<void> = Promise.resolve();
  closeError: Error | null = null;

  override async open(): Promise<LogState> {
    this.isOpened = true;
    await this.opening;
    return super.open();
  }

  override async close(): Promise<void> {
    this.isClosed = true;
    await super.close();
    if (this.closeError !== null) {
      throw this.closeError;
    }
  }
}

/** Its only entry is damaged, and nobody else can have it. */
class HopelessLog extends WatchedLog {
  override async open(): Promise<LogState> {
    const place = { file: "", offset: 0, reason: "" };
    const range = { firstIndex: 1, lastIndex: 1, prevTerm: 0, prevChain: 0, chain: 1 };
    return { ...(await super.open()), damaged: [{ ...range, ...place }] };
  }

  repair(): Promise<LogState> {
    return Promise.reject(new Error("nobody sends anything"));
  }
}

async function serverWith(config: Partial<RaftServerConfig> = {}): Promise<RaftServer> {
  const [port = 0] = await freePorts(1);
  const members = [{ nodeId: 1, host: "127.0.0.1", port }];
  const server = new RaftServer({ clusterId: "test", nodeId: 1, members, ...config });
  onTestFinished(() => server.close(0).catch(() => {}));
  return server;
}

describe("a server refuses a group", () => {
  test.each([0, -1, 1.5, Number.NaN, 2 ** 32])("with the id %d", async (groupId) => {
    const server = await serverWith();
    const log = new WatchedLog();
    const adding = server.addGroup({ groupId, stateMachine: MACHINE, log });
    await expect(adding).rejects.toMatchObject({ code: "DT_RAFT_OPTIONS" });
    expect(log.isOpened).toBe(false);
  });

  test("whose id is taken, and the first one goes on", async () => {
    const server = await serverWith();
    const log = new WatchedLog();
    const first = await server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
    const second = new WatchedLog();
    const again = server.addGroup({ groupId: 1, stateMachine: MACHINE, log: second });
    await expect(again).rejects.toMatchObject({ code: "DT_RAFT_OPTIONS" });
    expect([second.isOpened, log.isClosed, first.stopped]).toEqual([false, false, null]);
    expect(server.groups()).toHaveLength(1);
  });

  test("whose id is being taken", async () => {
    const server = await serverWith();
    const log = new WatchedLog();
    const first = server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
    const second = server.addGroup({ groupId: 1, stateMachine: MACHINE, log: new MemoryLog() });
    await expect(second).rejects.toMatchObject({ code: "DT_RAFT_OPTIONS" });
    expect((await first).stopped).toBe(null);
  });

  test("whose entries or messages are larger than a frame", async () => {
    const server = await serverWith({ rpcServer: { maxFrameBytes: 1 << 20 } });
    const log = new WatchedLog();
    const adding = server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
    await expect(adding).rejects.toMatchObject({
      code: "DT_RAFT_OPTIONS",
      fault: {
        problems: [/^maxEntryBytes/, /^maxAppendBytes/].map((each) => expect.stringMatching(each)),
      },
    });
    const options = { maxEntryBytes: 1000, maxAppendBytes: 1000, snapshotChunkBytes: 1 << 20 };
    const chunks = server.addGroup({ groupId: 1, stateMachine: MACHINE, log, options });
    await expect(chunks).rejects.toMatchObject({
      fault: { problems: [expect.stringMatching(/^snapshotChunkBytes/)] },
    });
    expect(log.isOpened).toBe(false);
  });

  test("that cannot be registered, and closes its log", async () => {
    const server = await serverWith();
    server.rpc.groups.register(7, new CommandTable());
    const log = new WatchedLog();
    const adding = server.addGroup({ groupId: 7, stateMachine: MACHINE, log });
    await expect(adding).rejects.toThrow("registered already");
    expect(log.isClosed).toBe(true);
  });

  test("when it is closed", async () => {
    const server = await serverWith();
    await server.close(0);
    const log = new WatchedLog();
    const adding = server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
    await expect(adding).rejects.toMatchObject({ code: "DT_RAFT_GROUP_STOPPED" });
    expect(log.isOpened).toBe(false);
  });

  test("that is being opened when it closes, and leaves nothing open", async () => {
    const server = await serverWith();
    const log = new WatchedLog();
    const { promise, resolve } = Promise.withResolvers<void>();
    log.opening = promise;
    const adding = server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
    const outcome = adding.catch((error: unknown) => error);
    const closing = server.close(0);
    resolve();
    await closing;
    expect(await outcome).toMatchObject({ code: "DT_RAFT_GROUP_STOPPED" });
    expect(log.isClosed).toBe(true);
  });
});

test("a server whose log fails to close closes everything else, and says so", async () => {
  const server = await serverWith();
  const logs = [new WatchedLog(), new WatchedLog()];
  for (const [i, log] of logs.entries()) {
    await server.addGroup({ groupId: i + 1, stateMachine: MACHINE, log });
  }
  const port = await server.listen();
  const error = new Error("the disk is gone");
  logs[0]!.closeError = error;
  await expect(server.close(0)).rejects.toBe(error);
  expect(logs.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  const code = await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve("connected"));
    socket.once("error", (failure: NodeJS.ErrnoException) => resolve(failure.code));
    socket.once("close", () => socket.destroy());
  });
  expect(code).toBe("ECONNREFUSED");
});

test("a server closes a log that is too damaged to start with, and says when that fails", async () => {
  const server = await serverWith();
  const log = new HopelessLog();
  const adding = server.addGroup({ groupId: 1, stateMachine: MACHINE, log });
  await expect(adding).rejects.toMatchObject({ code: "DT_RAFT_LOG_DAMAGED" });
  expect(log.isClosed).toBe(false);
  log.closeError = new Error("the disk is gone");
  await expect(server.close(0)).rejects.toBe(log.closeError);
  expect(log.isClosed).toBe(true);
});

test.each([0, -1, 1.5, Number.NaN])("a server refuses %d snapshots at once", (count) => {
  const config = { clusterId: "test", nodeId: 1, members: [] };
  for (const slots of [{ maxSnapshotSends: count }, { maxSnapshotReceives: count }]) {
    expect(() => new RaftServer({ ...config, ...slots })).toThrow(
      expect.objectContaining({ code: "DT_RAFT_OPTIONS" }),
    );
  }
});
