import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, NOTE, readLength, readText, writeBytes, writeText } from "./support/bodies.ts";
import { Tally } from "./support/failure.ts";
import { holdOn, startClient, startPair, startServer } from "./support/pair.ts";
import { RAW_LIMITS, rawAccept, rawClient, rawServer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const LIMIT = 256 * KIB;

/** Lets the event loop turn until the value has stopped growing. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  let equalTurns = 0;
  await until(() => {
    equalTurns = value() === last ? equalTurns + 1 : 0;
    last = value();
    return equalTurns > 50;
  }, "a value that stays");
  return last;
}

describe("a peer that does not read", () => {
  test("stops one-ways at the limit of the send buffer", async () => {
    const { address, peers } = await rawServer();
    const options = { address, maxSendBufferBytes: LIMIT, maxReplyBacklogBytes: LIMIT };
    const [client, peer] = await Promise.all([startClient(options), rawAccept(peers)]);
    peer.socket.pause();
    const body = Buffer.alloc(16 * KIB);
    let sent = 0;
    for (let turn = 0; turn < 500; turn++) {
      sent += client.oneWay(NOTE, 0, writeBytes, body) ? 1 : 0;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      expect(client.connection?.bufferedBytes).toBeLessThan(LIMIT + 17 * KIB);
    }
    expect(sent).toBeLessThan(500);
    peer.socket.resume();
    await until(() => client.connection?.bufferedBytes === 0, "an empty send buffer");
    expect(client.oneWay(NOTE, 0, writeBytes, body)).toBe(true);
  });

  test("makes calls wait with bounded memory, and they go on when it reads", async () => {
    const { address, peers } = await rawServer();
    const options = { address, maxSendBufferBytes: LIMIT, maxReplyBacklogBytes: LIMIT };
    const [client, peer] = await Promise.all([startClient(options), rawAccept(peers)]);
    peer.socket.pause();
    const tally = new Tally();
    const body = Buffer.alloc(16 * KIB);
    for (let count = 0; count < 1000; count++) {
      client.start(ECHO, 0, 0, writeBytes, body, tally);
    }
    expect(client.connection?.bufferedBytes).toBeLessThan(LIMIT + 17 * KIB);
    expect(client.connection?.pendingCalls).toBe(1000);
    peer.socket.resume();
    const seqs: string[] = [];
    while (seqs.length < 1000) {
      seqs.push((await peer.frame()).slice(16, 24));
    }
    for (const seq of seqs) {
      peer.send(`0000000c 12 00 0100 ${seq} 00000000`);
    }
    await until(() => tally.replies === 1000, "all replies");
    expect(tally.failures).toEqual([]);
  });

  test("has its requests put aside, and they are answered in order when it reads", async () => {
    const { server, address } = await startServer({
      maxSendBufferBytes: LIMIT,
      maxReplyBacklogBytes: LIMIT,
    });
    const handled: number[] = [];
    server.commands.on(300, (request) => {
      handled.push(request.seq);
      request.replyBytes(Buffer.alloc(100 * KIB));
    });
    const peer = await rawClient(address);
    peer.socket.pause();
    const digits = (seq: number): string => seq.toString(16).padStart(8, "0");
    for (let seq = 1; seq <= 200; seq++) {
      peer.send(`0000000c 11 00 012c ${digits(seq)} 00000000`);
    }
    const [connection] = server.connections;
    await until(() => server.counters.framesIn === 200, "the requests");
    const handledCount = await settled(() => handled.length);
    expect(handledCount).toBeLessThan(200);
    expect(connection?.inFlightRequests).toBe(200 - handledCount);
    expect(connection?.bufferedBytes).toBeLessThan(LIMIT + 101 * KIB);
    peer.socket.resume();
    for (let seq = 1; seq <= 200; seq++) {
      const frame = await peer.frame();
      expect(frame.slice(8, 32)).toBe(`1200012c${digits(seq)}00000000`);
    }
    expect(handled).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(connection?.inFlightRequests).toBe(0);
  });

  test("may give up what was put aside: that is never handled", async () => {
    const { server, address } = await startServer({ maxSendBufferBytes: MIB });
    const handled: number[] = [];
    server.commands.on(300, (request) => {
      handled.push(request.seq);
      request.replyBytes(Buffer.alloc(100 * KIB));
    });
    const peer = await rawClient(address);
    peer.socket.pause();
    const digits = (seq: number): string => seq.toString(16).padStart(8, "0");
    for (let seq = 1; seq <= 200; seq++) {
      peer.send(`0000000c 11 00 012c ${digits(seq)} 00000000`);
    }
    await until(() => server.counters.framesIn === 200, "the requests");
    expect(await settled(() => handled.length)).toBeLessThan(199);
    // A cancel frame for the last but one, twice, then one for a request that there is not.
    for (const seq of [199, 199, 201]) {
      peer.send(`0000000c 13 00 000b ${digits(seq)} 00000000`);
    }
    await until(() => server.counters.framesIn === 203, "the cancellations");
    peer.socket.resume();
    for (let seq = 1; seq <= 199; seq++) {
      await peer.frame();
    }
    const [connection] = server.connections;
    expect([handled.length, handled.includes(199), handled.at(-1)]).toEqual([199, false, 200]);
    expect(connection?.inFlightRequests).toBe(0);
    const { cancelledBeforeHandling, lateStreamFrames } = server.counters;
    expect([cancelledBeforeHandling, lateStreamFrames]).toEqual([1, 1]);
  });

  test("has its later requests handled after those that were put aside", async () => {
    const { server, address } = await startServer({
      maxSendBufferBytes: MIB,
      maxReplyBacklogBytes: MIB,
    });
    const handled: number[] = [];
    // The send buffer fills with several writes, and has room again when the socket has taken one
    // of them.
    server.commands.on(300, (request) => {
      handled.push(request.seq);
      request.replyBytes(Buffer.alloc(60 * KIB));
    });
    const peer = await rawClient(address);
    peer.socket.pause();
    const digits = (seq: number): string => seq.toString(16).padStart(8, "0");
    for (let seq = 1; seq <= 300; seq++) {
      peer.send(`0000000c 11 00 012c ${digits(seq)} 00000000`);
    }
    await until(() => server.counters.framesIn === 300, "the requests");
    for (let seq = 1; seq <= 600; seq++) {
      peer.socket.resume();
      await peer.frame();
      peer.socket.pause();
      if (seq <= 300) {
        peer.send(`0000000c 11 00 012c ${digits(seq + 300)} 00000000`);
      }
    }
    expect(handled).toEqual(Array.from({ length: 600 }, (_, index) => index + 1));
  });

  test("takes what was put aside with it when the connection ends", async () => {
    const { server, address } = await startServer({
      maxSendBufferBytes: LIMIT,
      maxReplyBacklogBytes: LIMIT,
    });
    server.commands.on(300, (request) => request.replyBytes(Buffer.alloc(MIB)));
    const peer = await rawClient(address);
    peer.socket.pause();
    for (let count = 0; count < 100; count++) {
      peer.send("0000000c 11 00 012c 00000001 00000000");
    }
    const [connection] = server.connections;
    await until(() => server.counters.framesIn === 100, "the requests");
    expect(connection?.inFlightRequests).toBeGreaterThan(0);
    peer.socket.destroy();
    await until(() => server.connections.size === 0, "the end of the connection");
    expect(connection?.inFlightRequests).toBe(0);
  });

  test("gets FLOW_CONTROL for replies beyond the backlog that come later", async () => {
    const { server, address } = await startServer({
      maxSendBufferBytes: LIMIT,
      maxReplyBacklogBytes: LIMIT,
    });
    const held = holdOn(server.commands);
    const peer = await rawClient(address);
    peer.socket.pause();
    for (let seq = 1; seq <= 500; seq++) {
      peer.send(`0000000c 11 00 0101 ${seq.toString(16).padStart(8, "0")} 00000000`);
    }
    await until(() => held.length === 500, "the requests");
    for (const request of held) {
      request.replyBytes(Buffer.alloc(100 * KIB));
    }
    const [connection] = server.connections;
    expect(connection?.bufferedBytes).toBeLessThan(LIMIT + 101 * KIB + 500 * 200);
    peer.socket.resume();
    const statuses = new Set<number>();
    for (let seq = 1; seq <= 500; seq++) {
      statuses.add(parseInt((await peer.frame()).slice(24, 32), 16));
    }
    expect(statuses).toEqual(new Set([Status.ok, Status.flowControl]));
  });

  test.each([KIB, 2 ** 32 - 1])(
    "and keeps to no limit is closed, one that takes frames of %d bytes too",
    async (maxFrameBytes) => {
      const { server, address } = await startServer({
        maxSendBufferBytes: KIB,
        maxReplyBacklogBytes: KIB,
        maxInFlightRequests: 1,
      });
      holdOn(server.commands);
      const peer = await rawClient(address, { ...RAW_LIMITS, maxFrameBytes });
      const ends: unknown[] = [];
      const [connection] = server.connections;
      connection?.onClose((error) => ends.push(error?.code));
      peer.socket.pause();
      const requests = Buffer.from("0000000c1100010100000001" + "00000000", "hex");
      const many = Buffer.concat(Array.from({ length: 5000 }, () => requests));
      for (let count = 0; count < 200 && ends.length === 0; count++) {
        peer.sendBytes(many);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      await until(() => ends.length === 1, "the end of the connection");
      expect(ends).toEqual(["DT_RPC_SLOW_PEER"]);
    },
  );

  test("and nothing at all while it goes on sending is closed in time", async () => {
    const { server, address } = await startServer({ pingIntervalMs: 20, peerTimeoutMs: 60 });
    server.commands.on(300, (request) => request.replyBytes(Buffer.alloc(MIB)));
    const peer = await rawClient(address);
    const ends: unknown[] = [];
    const [connection] = server.connections;
    connection?.onClose((error) => ends.push(error?.fault));
    peer.socket.pause();
    for (let count = 0; count < 20; count++) {
      peer.send("0000000c 11 00 012c 00000001 00000000");
    }
    while (ends.length === 0) {
      // A sign of life all the time.
      peer.send("0000000c 13 00 000f 00000000 00000000");
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(ends).toMatchObject([{ code: "DT_RPC_SLOW_PEER" }]);
    expect((ends[0] as { stuckMs: number }).stuckMs).toBeGreaterThanOrEqual(120);
  });

  test("stalls itself only", async () => {
    const { server, address } = await startServer({
      maxSendBufferBytes: LIMIT,
      maxReplyBacklogBytes: LIMIT,
    });
    server.commands.on(300, (request) => request.replyBytes(Buffer.alloc(MIB)));
    const slow = await rawClient(address);
    slow.socket.pause();
    for (let count = 0; count < 100; count++) {
      slow.send("0000000c 11 00 012c 00000001 00000000");
    }
    await until(() => server.counters.framesIn === 100, "the slow peer's requests");
    const client = await startClient({ address });
    expect(await client.call(ECHO, 0, 5000, writeText, "quick", readText)).toBe("quick");
  });
});

test("two peers that send more than the other reads at the moment both get through", async () => {
  const limits = { maxSendBufferBytes: LIMIT, maxReplyBacklogBytes: MIB };
  const { client, far } = await startPair(limits, limits);
  client.commands.on(ECHO, (request, body, start, end) => {
    request.replyBytes(body.subarray(start, end));
  });
  const body = Buffer.alloc(64 * KIB);
  const calls = Array.from({ length: 200 }, () => [
    client.call(ECHO, 0, 0, writeBytes, body, readLength),
    far.call(ECHO, 0, 0, writeBytes, body, readLength),
  ]);
  const lengths = await Promise.all(calls.flat());
  expect(new Set(lengths)).toEqual(new Set([64 * KIB]));
});
