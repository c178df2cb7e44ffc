import { describe, expect, test } from "vitest";
import { encodeAcceptance, encodeOffer } from "../src/handshake-frame.ts";
import { RpcClient, Status } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startPair, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawConnect, rawServer } from "./support/raw-peer.ts";
import { unreadableRefusal } from "./support/unreadable-refusal.ts";
import { until } from "./support/until.ts";
import type { PeerInfo } from "../src/index.ts";

const OFFER = encodeOffer(RAW_IDENTITY, RAW_LIMITS);

/** Hexadecimal digits of a text, as it stands in a refusal. */
function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

function patchedOffer(at: number, digits: string): Buffer {
  const offer = Buffer.from(OFFER);
  Buffer.from(digits, "hex").copy(offer, at);
  return offer;
}

describe("the handshake", () => {
  test("tells each side who the other is", async () => {
    const serverIdentity = {
      processId: "0123456789abcdef0123456789abcdef",
      nodeId: 2 ** 53 - 1,
      clusterId: "cluster ⓷",
      role: "node",
      capabilities: ["a", "b"],
    };
    const { near, far } = await startPair(
      { identity: serverIdentity, maxFrameBytes: 4096, maxInFlightRequests: 5 },
      { identity: { role: "client" }, maxInFlightBytes: 9999 },
    );
    expect(near.peer).toMatchObject({
      ...serverIdentity,
      capabilities: expect.arrayContaining(["a", "b"]) as string[],
      limits: { maxFrameBytes: 4096, maxInFlightRequests: 5 },
      protocolMinor: 0,
    });
    expect(far.peer).toMatchObject({ nodeId: 0, clusterId: "", role: "client" });
    expect(far.peer.limits.maxInFlightBytes).toBe(9999);
    expect(far.peer.processId).toMatch(/^[0-9a-f]{32}$/);
    expect(far.peer.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test("lets the server turn a peer down, with status, code and message", async () => {
    const seen: PeerInfo[] = [];
    const { server, address } = await startServer(
      {},
      {
        onHandshake(peer) {
          seen.push(peer);
          return { status: Status.denied, code: "DT_X_WRONG_CLUSTER", message: "not one of us" };
        },
      },
    );
    const client = new RpcClient({ address, identity: { clusterId: "other", nodeId: 9 } });
    const error = await failureOf(client.connect());
    await client.close();
    expect(error).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.denied,
      remoteCode: "DT_X_WRONG_CLUSTER",
    });
    expect(error.message).toContain("not one of us");
    expect(seen[0]).toMatchObject({ clusterId: "other", nodeId: 9 });
    expect(server.connections.size).toBe(0);
    expect(server.counters.handshakesFailed).toBe(1);
  });

  test("lets the client turn the server down", async () => {
    const { server, address } = await startServer({ identity: { nodeId: 4 } });
    const client = new RpcClient(
      { address },
      {
        onHandshake: ({ nodeId }) =>
          nodeId === 3
            ? null
            : { status: Status.denied, code: "DT_X_WRONG_NODE", message: `${nodeId}` },
      },
    );
    const error = await failureOf(client.connect());
    await client.close();
    expect(error).toMatchObject({ code: "DT_RPC_REJECTED", mayHaveExecuted: false });
    expect(error.fault).toMatchObject({ reason: "DT_X_WRONG_NODE", fact: "4" });
    await until(() => server.connections.size === 0, "the end of the connection");
  });

  test("agrees on the lower minor version", async () => {
    const { server, address } = await startServer();
    const peer = await rawConnect(address);
    const later = Buffer.concat([
      OFFER.subarray(0, 23),
      Buffer.from("1809", "hex"),
      OFFER.subarray(23),
    ]);
    later.writeUInt32BE(later.length - 4, 0);
    peer.sendBytes(later);
    await peer.frame();
    const [connection] = server.connections;
    expect(connection?.peer.protocolMinor).toBe(0);
  });

  test.each([
    ["an unknown header version", patchedOffer(4, "21"), "00000004", "DT_RPC_HEADER_VERSION"],
    ["an unknown header version 0", patchedOffer(4, "01"), "00000004", "DT_RPC_HEADER_VERSION"],
    ["another magic", patchedOffer(17, "00"), "00000001", "DT_RPC_MAGIC"],
    ["another major version", patchedOffer(22, "02"), "00000004", "DT_RPC_PROTOCOL_VERSION"],
    ["a response first", patchedOffer(4, "12"), "00000001", "DT_RPC_FIRST_FRAME"],
    ["a one-way first", patchedOffer(4, "13"), "00000001", "DT_RPC_FIRST_FRAME"],
    ["a call first", patchedOffer(6, "0100"), "00000001", "DT_RPC_FIRST_FRAME"],
    ["a ping first", patchedOffer(6, "0002"), "00000001", "DT_RPC_FIRST_FRAME"],
    ["a frame that is too short", Buffer.from("0000000b", "hex"), "00000001", "DT_RPC_FIRST_FRAME"],
    ["a frame that is too long", Buffer.from("00010001", "hex"), "00000001", "DT_RPC_FIRST_FRAME"],
    [
      "the words of a browser",
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      "00000001",
      "DT_RPC_FIRST_FRAME",
    ],
    ["no message", patchedOffer(16, "ffffff"), "00000001", "DT_RPC_FIRST_FRAME"],
  ])("refuses %s with a code and closes", async (_name, bytes, status, code) => {
    const { server, address } = await startServer();
    const peer = await rawConnect(address);
    peer.sendBytes(bytes);
    const refusal = await peer.frame();
    expect(refusal.slice(8, 16)).toBe("12020001");
    expect(refusal.slice(24, 32)).toBe(status);
    expect(refusal).toContain(hex(code));
    await peer.closed();
    expect(server.counters.handshakesFailed).toBe(1);
    expect(server.connections.size).toBe(0);
  });

  test("cut off at any byte ends with the connection, and the server goes on", async () => {
    const { server, address } = await startServer();
    for (let length = 0; length < OFFER.length; length++) {
      const peer = await rawConnect(address);
      peer.socket.end(OFFER.subarray(0, length));
      await peer.closed();
    }
    await until(
      () => server.counters.handshakesFailed === OFFER.length,
      "the count of failed handshakes",
    );
    const client = await startClient({ address });
    expect(await client.call(ECHO, 0, 5000, writeText, "on", readText)).toBe("on");
  });

  test("may come byte by byte", async () => {
    const { address } = await startServer();
    const peer = await rawConnect(address);
    for (const byte of OFFER) {
      peer.sendBytes(Buffer.of(byte));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect((await peer.frame()).slice(8, 16)).toBe("12000001");
  });

  test("that is not finished in time is given up by the server", async () => {
    const { server, address } = await startServer({ handshakeTimeoutMs: 20 });
    const silent = await rawConnect(address);
    const slow = await rawConnect(address);
    slow.sendBytes(OFFER.subarray(0, 30));
    const refusal = await slow.frame();
    expect(refusal.slice(8, 32)).toBe("12020001" + "00000000" + "00000008");
    expect(refusal).toContain(hex("DT_RPC_HANDSHAKE_TIMEOUT"));
    await Promise.all([silent.closed(), slow.closed()]);
    expect(server.counters.handshakesFailed).toBe(2);
  });

  test("that has taken longest is given up when there are too many, and a quick one gets through", async () => {
    const { server, address } = await startServer({ maxHandshakes: 2 });
    const first = await rawConnect(address);
    first.sendBytes(OFFER.subarray(0, 30));
    const second = await rawConnect(address);
    const quick = await startClient({ address });
    expect(await quick.call(ECHO, 0, 5000, writeText, "hi", readText)).toBe("hi");
    expect(await first.frame()).toContain(hex("DT_RPC_TOO_MANY_HANDSHAKES"));
    await first.closed();
    expect(second.isClosed).toBe(false);
    second.sendBytes(OFFER);
    expect((await second.frame()).slice(8, 16)).toBe("12000001");
    expect(server.counters.handshakesFailed).toBe(1);
  });

  test("that is not finished in time is given up by the client", async () => {
    const { address } = await rawServer();
    const client = new RpcClient({ address, handshakeTimeoutMs: 20 });
    expect((await failureOf(client.connect())).code).toBe("DT_RPC_HANDSHAKE_TIMEOUT");
    await client.close();
  });

  test("and the connection together have the client's time to connect", async () => {
    const { address } = await rawServer();
    const client = new RpcClient({ address, connectTimeoutMs: 20 });
    const error = await failureOf(client.connect());
    expect(error.code).toBe("DT_RPC_CONNECT_TIMEOUT");
    await client.close();
  });

  test.each([
    ["garbage", Buffer.from("ffffffffffffffff", "hex")],
    ["a request", encodeOffer(RAW_IDENTITY, RAW_LIMITS)],
    ["another version", Buffer.from("0000000c220000010000000100000000", "hex")],
  ])("answered with %s makes the client close", async (_name, bytes) => {
    const { address, peers } = await rawServer();
    const client = new RpcClient({ address });
    const connecting = failureOf(client.connect());
    await until(() => peers.length > 0, "a connection");
    peers[0]!.sendBytes(bytes);
    expect((await connecting).code).toBe("DT_RPC_PROTOCOL");
    await client.close();
    await peers[0]!.closed();
  });

  test("turned down with a code that is no text is turned down all the same", async () => {
    const { address, peers } = await rawServer();
    const client = new RpcClient({ address });
    const connecting = failureOf(client.connect());
    await until(() => peers.length > 0, "a connection");
    peers[0]!.sendBytes(unreadableRefusal());
    expect(await connecting).toMatchObject({ code: "DT_RPC_REFUSED", remoteCode: null });
    await client.close();
  });

  test("is over before anything else is answered", async () => {
    const { address, peers } = await rawServer();
    const client = new RpcClient({ address });
    const connecting = client.connect();
    expect(client.isConnected).toBe(false);
    const early = await failureOf(client.call(ECHO, 0, 5000, writeText, "", readText));
    expect(early).toMatchObject({ code: "DT_RPC_NOT_CONNECTED", mayHaveExecuted: false });
    await until(() => peers.length > 0, "a connection");
    await peers[0]!.frame();
    peers[0]!.sendBytes(encodeAcceptance(1, RAW_IDENTITY, RAW_LIMITS));
    await connecting;
    expect(client.isConnected).toBe(true);
    await client.close();
  });

  test("is refused beyond the number of connections a server takes", async () => {
    const { server, address } = await startServer({ maxConnections: 2 });
    await startClient({ address });
    await startClient({ address });
    const third = new RpcClient({ address });
    const error = await failureOf(third.connect());
    await third.close();
    expect(error).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.flowControl,
      remoteCode: "DT_RPC_TOO_MANY_CONNECTIONS",
    });
    expect(server.connections.size).toBe(2);
  });
});
