import { expect, test } from "vitest";
import { RpcClient, RpcError, RpcServer } from "../src/index.ts";
import { ECHO, HOLD, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { echo, holdOn, startClient, startPair, startServer } from "./support/pair.ts";
import { rawAccept, rawServer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

/** Why the tests break connections. */
const BROKEN = new RpcError({ code: "DT_RPC_SOCKET", errno: "TEST" });
const QUICK = { reconnectMinMs: 1, reconnectMaxMs: 5 };

test("a lost connection is made again, and the listeners hear of both", async () => {
  const { server, address } = await startServer();
  const client = new RpcClient({ address, ...QUICK });
  const events: string[] = [];
  client.onConnect((connection) => events.push(`connected ${String(connection.isOpen)}`));
  client.onDisconnect((error) => events.push(`lost ${String(error?.code)}`));
  await client.connect();
  for (let round = 0; round < 3; round++) {
    const old = client.connection;
    const [connection] = server.connections;
    connection?.destroy(BROKEN);
    await until(() => client.isConnected && client.connection !== old, "a new connection");
    expect(await client.call(ECHO, 0, 5000, writeText, `${round}`, readText)).toBe(`${round}`);
  }
  expect(events).toEqual([
    "connected true",
    ...[0, 1, 2].flatMap(() => ["lost DT_RPC_SOCKET", "connected true"]),
  ]);
  await client.close();
});

test("a lost connection fails its calls, sent or not", async () => {
  const { server, address } = await startServer();
  holdOn(server.commands);
  const client = await startClient({ address, ...QUICK, maxInFlightRequests: 1 });
  const sent = failureOf(client.call(HOLD, 0, 0, writeText, "", readText));
  const waiting = failureOf(client.call(HOLD, 0, 0, writeText, "", readText));
  const [connection] = server.connections;
  await until(() => connection?.inFlightRequests === 1, "the request");
  connection?.destroy(BROKEN);
  expect(await sent).toMatchObject({ code: "DT_RPC_CONNECTION_LOST", mayHaveExecuted: true });
  expect(await waiting).toMatchObject({ code: "DT_RPC_CONNECTION_LOST", mayHaveExecuted: false });
  expect((await sent).cause).toMatchObject({ code: "DT_RPC_SOCKET" });
});

test("a response of the old connection reaches no call of the new one", async () => {
  const { address, peers } = await rawServer();
  const connecting = startClient({ address, ...QUICK });
  const first = await rawAccept(peers);
  const client = await connecting;
  const lost = failureOf(client.call(ECHO, 0, 0, writeText, "old", readText));
  await first.frame();
  client.connection?.destroy(BROKEN);
  await lost;
  const second = await rawAccept(peers);
  await until(() => client.isConnected, "the new connection");
  const call = client.call(ECHO, 0, 0, writeText, "new", readText);
  const request = await second.frame();
  expect(request.slice(16, 24)).toBe("00000001");
  first.send("0000000f 12 00 0100 00000001 00000000 6f6c64");
  second.send("0000000f 12 00 0100 00000001 00000000 6e6577");
  expect(await call).toBe("new");
});

test("attempts go on until there is a server, each failure with its code", async () => {
  const probe = await startServer();
  await probe.server.close();
  const client = new RpcClient({ address: probe.address, ...QUICK });
  const first = await failureOf(client.connect());
  expect(first).toMatchObject({ code: "DT_RPC_CONNECT", fault: { errno: "ECONNREFUSED" } });
  expect((await failureOf(client.connect())).code).toBe("DT_RPC_CONNECT");
  const server = new RpcServer();
  server.commands.on(ECHO, echo);
  await server.listen(probe.address);
  await until(() => client.isConnected, "a connection");
  await client.connect();
  expect(await client.call(ECHO, 0, 5000, writeText, "x", readText)).toBe("x");
  await client.close();
  await server.close();
});

test("the pauses between attempts start over with each connection", async () => {
  const { server, address } = await startServer();
  const client = await startClient({ address, reconnectMinMs: 1, reconnectMaxMs: 60_000 });
  // Pauses that kept doubling would be longer than the test may take.
  for (let round = 0; round < 17; round++) {
    const old = client.connection;
    const [connection] = server.connections;
    connection?.destroy(BROKEN);
    await until(() => client.isConnected && client.connection !== old, "a new connection");
  }
});

test("a client that is closed connects no more", async () => {
  const { server, client, near } = await startPair({}, QUICK);
  await client.close();
  await client.close();
  expect((await failureOf(client.connect())).code).toBe("DT_RPC_CLOSED");
  const error = await failureOf(client.call(ECHO, 0, 5000, writeText, "", readText));
  expect(error.code).toBe("DT_RPC_NOT_CONNECTED");
  expect(client.oneWay(ECHO, 0, writeText, "")).toBe(false);
  const late = await failureOf(near.call(ECHO, 0, 5000, writeText, "", readText));
  expect([late.code, near.oneWay(ECHO, 0, writeText, "")]).toEqual(["DT_RPC_NOT_CONNECTED", false]);
  await until(() => server.connections.size === 0, "the end of the connection");
});

test("closing ends an attempt that is under way", async () => {
  const { address, peers } = await rawServer();
  const client = new RpcClient({ address });
  const connecting = failureOf(client.connect());
  await until(() => peers.length === 1, "the attempt");
  await client.close();
  expect((await connecting).code).toBe("DT_RPC_CLOSED");
  await peers[0]!.closed();
});

test("a goodbye of the server sends new calls to a new connection while old ones end", async () => {
  const { server, client, near, far } = await startPair({}, QUICK);
  const held = holdOn(server.commands);
  const old = client.call(HOLD, 0, 0, writeText, "", readText);
  await until(() => held.length === 1, "the request");
  const closed = far.close({ drainMs: 20_000 });
  await until(() => client.connection !== near && client.isConnected, "a new connection");
  expect(await client.call(ECHO, 0, 5000, writeText, "new", readText)).toBe("new");
  expect((await failureOf(near.call(ECHO, 0, 0, writeText, "", readText))).code).toBe(
    "DT_RPC_STOPPING",
  );
  const current = client.connection;
  const losses: unknown[] = [];
  client.onDisconnect((error) => losses.push(error));
  held[0]?.reply(writeText, "old");
  expect(await old).toBe("old");
  await closed;
  await until(() => client.counters.connectionsClosed === 1, "the end of the old connection");
  expect([client.connection, losses]).toEqual([current, []]);
});

test("silence of a half-open connection ends it", async () => {
  const { address, peers } = await rawServer();
  const connecting = startClient({ address, pingIntervalMs: 10, peerTimeoutMs: 40 });
  const peer = await rawAccept(peers);
  const client = await connecting;
  const losses: unknown[] = [];
  client.onDisconnect((error) => losses.push(error?.code));
  expect(await peer.frame()).toBe("0000000c" + "11" + "00" + "0002" + "7fffffff" + "00000000");
  await until(() => losses.length === 1, "the end of the connection");
  expect(losses).toEqual(["DT_RPC_PEER_SILENT"]);
  await client.close();
});

test("a quiet connection whose peer answers pings stays", async () => {
  const { server, near, far } = await startPair(
    { pingIntervalMs: 10, peerTimeoutMs: 100 },
    { pingIntervalMs: 10, peerTimeoutMs: 100 },
  );
  const startMs = performance.now();
  await until(() => performance.now() > startMs + 300, "three times the peer timeout");
  expect([near.isOpen, far.isOpen]).toEqual([true, true]);
  expect(server.counters.framesIn).toBeGreaterThan(2);
  expect(server.counters.lateResponses).toBe(0);
});

test("a server that is gone without a word is noticed by its sockets' end", async () => {
  const { address, peers } = await rawServer();
  const connecting = startClient({ address, ...QUICK });
  const peer = await rawAccept(peers);
  const client = await connecting;
  const losses: unknown[] = [];
  client.onDisconnect((error) => losses.push(error?.code));
  peer.socket.resetAndDestroy();
  await until(() => losses.length === 1, "the end of the connection");
  expect(losses).toEqual(["DT_RPC_SOCKET"]);
  await client.close();
});
