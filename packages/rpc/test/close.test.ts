import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RpcClient, RpcServer, Status } from "../src/index.ts";
import { ECHO, HOLD, readText, writeText } from "./support/bodies.ts";
import { Tally, failureOf } from "./support/failure.ts";
import { LOOPBACK, holdOn, startPair, startServer } from "./support/pair.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

describe("closing a server", () => {
  test("with time to drain answers what is under way and refuses the rest", async () => {
    const { server, client, near } = await startPair(
      {},
      { reconnectMinMs: 60_000, reconnectMaxMs: 60_000 },
    );
    const held = holdOn(server.commands);
    const calls = [0, 1, 2].map(() => client.call(HOLD, 0, 0, writeText, "", readText));
    await until(() => held.length === 3, "the requests");
    let isClosed = false;
    const closed = server.close({ drainMs: 20_000 }).then(() => {
      isClosed = true;
    });
    await until(() => !near.isOpen, "the goodbye");
    expect((await failureOf(near.call(ECHO, 0, 0, writeText, "", readText))).code).toBe(
      "DT_RPC_STOPPING",
    );
    expect(isClosed).toBe(false);
    held.forEach((request, index) => request.reply(writeText, `${index}`));
    expect(await Promise.all(calls)).toEqual(["0", "1", "2"]);
    await closed;
    await until(() => client.counters.connectionsClosed === 1, "the client's end");
  });

  test("refuses requests that cross the goodbye with STOPPING", async () => {
    const { server, address } = await startServer();
    const held = holdOn(server.commands);
    const peer = await rawClient(address);
    peer.send("0000000c 11 00 0101 00000001 00000000");
    await until(() => held.length === 1, "the request");
    const closed = server.close({ drainMs: 20_000 });
    expect((await peer.frame()).slice(8, 16)).toBe("13000004");
    peer.send("0000000c 11 00 0100 00000002 00000000");
    const refusal = await peer.frame();
    expect(refusal.slice(16, 32)).toBe(`000000020000000${Status.stopping}`);
    held[0]?.replyEmpty();
    expect((await peer.frame()).slice(16, 32)).toBe("0000000100000000");
    await closed;
    await peer.closed();
  });

  test("refuses requests that cross the goodbye when nothing else is under way", async () => {
    const { server, address } = await startServer();
    const peer = await rawClient(address);
    const closed = server.close({ drainMs: 60_000 });
    expect((await peer.frame()).slice(8, 16)).toBe("13000004");
    peer.send("0000000c 11 00 0100 00000002 00000000");
    const refusal = await peer.frame();
    expect(refusal.slice(16, 32)).toBe(`000000020000000${Status.stopping}`);
    peer.socket.end();
    await closed;
    expect(server.connections.size).toBe(0);
  });

  test("is over at once when both sides leave at the same time", async () => {
    const { server, client } = await startPair();
    const ends: unknown[] = [];
    for (const connection of server.connections) {
      connection.onClose((error) => ends.push(error));
    }
    await Promise.all([server.close({ drainMs: 60_000 }), client.close({ drainMs: 60_000 })]);
    expect(ends).toEqual([null]);
  });

  test("without time to drain fails the calls under way", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const call = failureOf(client.call(HOLD, 0, 0, writeText, "", readText));
    await until(() => held.length === 1, "the request");
    await server.close();
    expect(await call).toMatchObject({ code: "DT_RPC_CONNECTION_LOST", mayHaveExecuted: true });
    held[0]?.replyEmpty();
    expect(server.counters.droppedReplies).toBe(1);
  });

  test("sends what was answered before", async () => {
    const { server, client } = await startPair();
    const size = 5_000_000;
    server.commands.on(300, (request) => {
      request.replyBytes(Buffer.alloc(size));
      void server.close();
    });
    const length = await client.call(300, 0, 0, writeText, "", (_body, start, end) => end - start);
    expect(length).toBe(size);
  });

  test("ends after the time to drain, whatever is under way", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const call = failureOf(client.call(HOLD, 0, 0, writeText, "", readText));
    await until(() => held.length === 1, "the request");
    await server.close({ drainMs: 20 });
    expect((await call).code).toBe("DT_RPC_CONNECTION_LOST");
  });

  test("ends although a peer never reads and never closes", async () => {
    const { server, address } = await startServer();
    server.commands.on(300, (request) => request.replyBytes(Buffer.alloc(20_000_000)));
    const peer = await rawClient(address);
    peer.socket.pause();
    peer.send("0000000c 11 00 012c 00000001 00000000");
    await until(() => server.counters.framesOut > 0, "the reply");
    await server.close();
    expect(server.connections.size).toBe(0);
  });

  test("may be asked for twice, and before it listens", async () => {
    const server = new RpcServer();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });

  test("lets another server have the port", async () => {
    const { server, address } = await startServer();
    await server.close();
    const other = await startServer({}, {}, address);
    expect(other.address).toEqual(address);
  });
});

test("a port in use is reported with its code", async () => {
  const { address } = await startServer();
  const other = new RpcServer();
  const error = await failureOf(other.listen(address));
  expect(error).toMatchObject({ code: "DT_RPC_LISTEN", fault: { errno: "EADDRINUSE" } });
  await other.close();
});

describe("closing a client", () => {
  test("with time to drain waits for its calls", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const call = client.call(HOLD, 0, 0, writeText, "", readText);
    await until(() => held.length === 1, "the request");
    const { connection } = client;
    const closed = client.close({ drainMs: 20_000 });
    const late = connection?.call(ECHO, 0, 5000, writeText, "", readText) ?? closed;
    expect(await failureOf(late)).toMatchObject({ code: "DT_RPC_CLOSED", mayHaveExecuted: false });
    held[0]?.reply(writeText, "in time");
    expect(await call).toBe("in time");
    await closed;
  });

  test("without time to drain fails its calls", async () => {
    const { server, client } = await startPair({}, { maxInFlightRequests: 2 });
    holdOn(server.commands);
    const tally = new Tally();
    for (let count = 0; count < 5; count++) {
      client.start(HOLD, 0, 0, writeText, "", tally);
    }
    await client.close();
    expect(tally.failures.map((error) => [error.code, error.mayHaveExecuted])).toEqual([
      ["DT_RPC_CLOSED", true],
      ["DT_RPC_CLOSED", true],
      ["DT_RPC_CLOSED", false],
      ["DT_RPC_CLOSED", false],
      ["DT_RPC_CLOSED", false],
    ]);
  });

  test("is good order for the server", async () => {
    const { client, far } = await startPair();
    const ends: unknown[] = [];
    far.onClose((error) => ends.push(error));
    await client.close();
    await until(() => ends.length === 1, "the end at the server");
    expect(ends).toEqual([null]);
  });
});

describe("closing before there is a connection", () => {
  test("ends the attempt of a server to listen", async () => {
    const server = new RpcServer();
    const listening = failureOf(server.listen(LOOPBACK));
    await server.close();
    const isCancelled = { code: "DT_RPC_LISTEN", fault: { errno: "ECANCELED" } };
    expect(await listening).toMatchObject(isCancelled);
    expect(await failureOf(server.listen(LOOPBACK))).toMatchObject(isCancelled);
  });

  test("ends also when the judge of the handshake closes its client and lets the peer in", async () => {
    const { server, address } = await startServer();
    const closings: Promise<void>[] = [];
    const connections: unknown[] = [];
    const client: RpcClient = new RpcClient(
      { address },
      {
        onHandshake() {
          closings.push(client.close());
          return null;
        },
      },
    );
    client.onConnect((connection) => connections.push(connection));
    expect((await failureOf(client.connect())).code).toBe("DT_RPC_CLOSED");
    await until(() => closings.length === 1, "the end of the client");
    await closings[0];
    expect([connections, client.connection]).toEqual([[], null]);
    await until(() => server.connections.size === 0, "the end at the server");
  });
});

describe("a time to drain", () => {
  test("of NaN milliseconds is refused, and nothing is closed", async () => {
    const { server, client, near, far } = await startPair();
    expect(() => server.close({ drainMs: NaN })).toThrow(RangeError);
    expect(() => client.close({ drainMs: NaN })).toThrow(RangeError);
    await expect(near.close({ drainMs: NaN })).rejects.toThrow(RangeError);
    expect([near.isOpen, far.isOpen]).toEqual([true, true]);
    await server.close();
    await client.close();
  });

  test("without end waits for what is under way", async () => {
    const { server, client, near } = await startPair();
    const held = holdOn(server.commands);
    const call = client.call(HOLD, 0, 0, writeText, "", readText);
    await until(() => held.length === 1, "the request");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const closed = server.close({ drainMs: Infinity });
    await until(() => !near.isOpen, "the goodbye");
    await vi.advanceTimersByTimeAsync(59_000);
    held[0]?.reply(writeText, "late");
    expect(await call).toBe("late");
    await closed;
  });
});

test("a process whose server and client are closed has nothing left to wait for", async () => {
  const program = fileURLToPath(new URL("./support/open-and-close.js", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const [code] = await once(child, "close");
  expect(Buffer.concat(output).toString()).toBe("replies 100, resources: none\n");
  expect(code).toBe(0);
});
