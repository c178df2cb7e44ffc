import { describe, expect, test } from "vitest";
import { encodeOffer } from "../src/handshake-frame.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { startClient, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawClient, rawConnect } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { RpcClient } from "../src/index.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const MIB = 1024 * 1024;
const OFFER = encodeOffer(RAW_IDENTITY, RAW_LIMITS);

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

/** Calls again and again until told to stop; throws when a call fails or gets another's reply. */
async function keepCalling(client: RpcClient, isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const text = `call ${count}`;
    expect(await client.call(ECHO, 0, 0, writeText, text, readText)).toBe(text);
    count++;
  }
  return count;
}

/** Sends the bytes one at a time, one in each turn, for as long as the peer takes them. */
async function trickle(peer: RawPeer, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    if (peer.isClosed) {
      return;
    }
    peer.sendBytes(Buffer.of(byte));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe("a peer that sends one byte at a time", () => {
  test("has the time of the handshake and no more, and is told so", async () => {
    const { server, address } = await startServer({ handshakeTimeoutMs: 50 });
    const client = await startClient({ address });
    let isOver = false;
    const calling = keepCalling(client, () => isOver);
    // A first frame of 64 KiB that will not be finished in time, whatever the machine.
    const endless = new Uint8Array(60_000);
    endless.set([0, 0, 0xff, 0xff]);
    const peers = await Promise.all(Array.from({ length: 5 }, () => rawConnect(address)));
    const trickling = peers.map((peer) => trickle(peer, endless));
    const refusals = await Promise.all(peers.map((peer) => peer.frame()));
    for (const refusal of refusals) {
      expect(refusal).toContain(hex("DT_RPC_HANDSHAKE_TIMEOUT"));
    }
    await Promise.all([...trickling, ...peers.map((peer) => peer.closed())]);
    isOver = true;
    expect(await calling).toBeGreaterThan(0);
    expect(server.counters.handshakesFailed).toBe(5);
  });

  test("is no sign of life once it is connected, and is given up", async () => {
    const { server, address } = await startServer({ pingIntervalMs: 20, peerTimeoutMs: 60 });
    const peer = await rawClient(address);
    const ends: unknown[] = [];
    const [connection] = server.connections;
    connection?.onClose((error) => ends.push(error?.code));
    // A request of 1 MiB that is never finished: a byte where a pong would be due.
    peer.send("00100000 11 00 0100 00000001 00000000");
    while (ends.length === 0 && !peer.isClosed) {
      await peer.frame().catch(() => "closed");
      peer.sendBytes(Buffer.of(7));
    }
    await peer.closed();
    expect(ends).toEqual(["DT_RPC_PEER_SILENT"]);
  });

  test("is served when the bytes make frames", async () => {
    const { address } = await startServer({ pingIntervalMs: 20, peerTimeoutMs: 60_000 });
    const peer = await rawConnect(address);
    await trickle(peer, OFFER);
    await peer.frame();
    await trickle(peer, Buffer.from("0000000e110001000000000700000000" + "6869", "hex"));
    let frame = await peer.frame();
    while (frame.slice(8, 10) === "11") {
      frame = await peer.frame();
    }
    expect(frame).toBe("0000000e" + "12000100" + "00000007" + "00000000" + "6869");
  });
});

describe("a long frame", () => {
  test("keeps its connection alive while enough of it arrives", async () => {
    const { server, address } = await startServer({ pingIntervalMs: 20, peerTimeoutMs: 60 });
    const peer = await rawClient(address);
    const ends: unknown[] = [];
    const [connection] = server.connections;
    connection?.onClose((error) => ends.push(error?.code));
    const request = Buffer.alloc(MIB + 4);
    Buffer.from("00100000110001000000000100000000", "hex").copy(request);
    // As much as a slow line brings between two pings.
    for (let at = 0; at < 30 * 8192; at += 8192) {
      peer.sendBytes(request.subarray(at, at + 8192));
      if (at % (3 * 8192) === 0) {
        expect((await peer.frame()).slice(8, 16)).toBe("11000002");
      }
    }
    peer.sendBytes(request.subarray(30 * 8192));
    let frame = await peer.frame();
    while (frame.slice(8, 10) === "11") {
      frame = await peer.frame();
    }
    expect(frame.slice(0, 32)).toBe("0010000012000100" + "00000001" + "00000000");
    expect(ends).toEqual([]);
  });
});

describe("peers that never finish the handshake", () => {
  test("are closed in time, cost a bounded number of places, and stop nobody else", async () => {
    const { server, address } = await startServer({ handshakeTimeoutMs: 1000, maxHandshakes: 50 });
    const client = await startClient({ address });
    let isOver = false;
    const calling = keepCalling(client, () => isOver);
    const peers: RawPeer[] = [];
    for (let count = 0; count < 300; count++) {
      const peer = await rawConnect(address);
      // Nothing at all, a part of the first frame, or a bit of another protocol.
      peer.sendBytes(
        [OFFER.subarray(0, 0), OFFER.subarray(0, 20), OFFER.subarray(0, 3)][count % 3]!,
      );
      peers.push(peer);
      if (count % 50 === 0) {
        const late = await startClient({ address });
        expect(await late.call(ECHO, 0, 0, writeText, "late", readText)).toBe("late");
        await late.close();
      }
    }
    const refusals = await Promise.all(peers.map((peer) => peer.frame()));
    await Promise.all(peers.map((peer) => peer.closed()));
    const codes = ["DT_RPC_TOO_MANY_HANDSHAKES", "DT_RPC_HANDSHAKE_TIMEOUT"].map(hex);
    expect(refusals.filter((refusal) => !codes.some((code) => refusal.includes(code)))).toEqual([]);
    expect(refusals.filter((refusal) => refusal.includes(codes[0]!)).length).toBeGreaterThan(0);
    isOver = true;
    expect(await calling).toBeGreaterThan(0);
    await until(() => server.connections.size === 1, "only the client that calls");
    expect(server.counters.handshakesFailed).toBe(300);
  });
});
