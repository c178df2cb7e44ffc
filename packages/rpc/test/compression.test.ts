import * as zlib from "node:zlib";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { HAS_ZSTD } from "../src/compression/algorithm.ts";
import { RpcMetrics, Status } from "../src/index.ts";
import { ECHO, NOTE, readText, writeBytes, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { echo, startClient, startPair, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawAccept, rawClient, rawServer } from "./support/raw-peer.ts";
import { openStream, takeStreams } from "./support/stream-log.ts";
import { until } from "./support/until.ts";
import type { Connection, RequestContext } from "../src/index.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const ON = { compressAboveBytes: 1000 };
const LONG = "many words that come again and again, ".repeat(500);
const GZIP = { ...RAW_IDENTITY, capabilities: ["compression:gzip"] };

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** A frame of a compressed body that says it is of `byteCount` bytes. */
function compressedFrame(
  kind: "11" | "12" | "13",
  command: number,
  seq: number,
  byteCount: number,
  compressed: Buffer,
  algorithm = 1,
): string {
  const length = hex(12 + 5 + compressed.length, 8);
  const header = `${length}${kind}04${hex(command, 4)}${hex(seq, 8)}00000000`;
  return `${header}${hex(algorithm, 2)}${hex(byteCount, 8)}${compressed.toString("hex")}`;
}

describe("compression", () => {
  test("shortens requests, replies and one-ways above the threshold, and nothing else", async () => {
    const { server, client, near, far } = await startPair(ON, ON);
    const notes: string[] = [];
    server.commands.on(NOTE, (_request, body, start, end) => {
      notes.push(readText(body, start, end));
    });
    const before = client.counters.bytesOut;
    expect(await client.call(ECHO, 0, 5000, writeText, LONG, readText)).toBe(LONG);
    expect(client.counters.bytesOut - before).toBeLessThan(LONG.length / 10);
    expect(server.counters.compressedFramesOut).toBe(1);
    near.oneWay(NOTE, 0, writeText, LONG);
    await until(() => notes.length === 1, "the note");
    expect(notes).toEqual([LONG]);
    expect(client.counters.compressedFramesOut).toBe(2);
    expect(server.counters.compressedFramesIn).toBe(2);
    expect(await client.call(ECHO, 0, 5000, writeText, "short", readText)).toBe("short");
    expect(client.counters.compressedFramesOut).toBe(2);
    expect([near.pendingCalls, far.inFlightRequests]).toEqual([0, 0]);
  });

  test("goes with groups, traces, interceptors and error answers", async () => {
    const seen: string[] = [];
    const watch = {
      onRequest: ({ body, start, end }: RequestContext) => {
        seen.push(readText(body, start, end));
      },
      onReply: ({ body, start, end }: RequestContext) => {
        seen.push(readText(body, start, end));
      },
    };
    const { server, address } = await startServer(ON, { interceptors: [watch, new RpcMetrics()] });
    const client = await startClient({ address, ...ON });
    server.groups.register(9, server.commands);
    server.commands.on(300, (request) => request.fail(Status.denied, "NO", LONG.slice(0, 2048)));
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const parent = { deadlineMs: 0, traceparent };
    expect(await client.call(ECHO, 9, 5000, writeText, LONG, readText, parent)).toBe(LONG);
    expect(seen).toEqual([LONG, LONG]);
    expect(client.counters.compressedFramesOut).toBe(1);
    const error = await failureOf(client.call(300, 9, 5000, writeText, LONG, readText));
    expect(error.message).toContain(LONG.slice(0, 2048));
  });

  test("shortens the messages of streams, whose credit counts them as they were", async () => {
    const { server, near, far } = await startPair(ON, ON);
    const takes = takeStreams({ messages: 10, bytes: 3 * LONG.length });
    server.commands.on(300, takes.handler);
    const { stream } = openStream(near, 300);
    const { log } = await takes.next();
    log.isSlow = true;
    await until(() => stream.send(writeText, LONG), "credit");
    expect([1, 2, 3].map(() => stream.send(writeText, LONG))).toEqual([true, true, false]);
    await until(() => log.messages.length === 3, "the messages");
    expect(log.messages).toEqual([LONG, LONG, LONG]);
    near.cancel(stream.id, null);
    await until(() => far.streams.count === 0, "the end of the stream");
  });

  test("leaves alone what does not get smaller, and what is over 256 KiB", async () => {
    const { client } = await startPair(ON, ON);
    const random = crypto.getRandomValues(new Uint8Array(5000));
    await client.call(ECHO, 0, 5000, writeBytes, random, readText);
    await client.call(ECHO, 0, 5000, writeBytes, Buffer.alloc(256 * 1024 + 1), readText);
    expect(client.counters.compressedFramesOut).toBe(0);
    await client.call(ECHO, 0, 5000, writeBytes, Buffer.alloc(256 * 1024), readText);
    expect(client.counters.compressedFramesOut).toBe(1);
  });

  test("is not used with a side that has it off", async () => {
    for (const [serverSide, clientSide] of [
      [ON, {}],
      [{}, ON],
    ] as const) {
      const { server, client } = await startPair(serverSide, clientSide);
      expect(await client.call(ECHO, 0, 5000, writeText, LONG, readText)).toBe(LONG);
      const { counters } = client;
      expect([counters.compressedFramesOut, server.counters.compressedFramesOut]).toEqual([0, 0]);
    }
  });

  test.runIf(HAS_ZSTD)("is zstd between two that have it, gzip with one that has not", async () => {
    const { address, peers } = await rawServer();
    for (const [capabilities, algorithm] of [
      [["compression:gzip", "compression:zstd"], "02"],
      [["compression:gzip"], "01"],
    ] as const) {
      const connected = startClient({ address, ...ON });
      const peer = await rawAccept(peers, RAW_LIMITS, { ...RAW_IDENTITY, capabilities });
      const client = await connected;
      const call = failureOf(client.call(ECHO, 0, 0, writeText, LONG, readText));
      const frame = await peer.frame();
      expect([frame.slice(8, 12), frame.slice(32, 42)]).toEqual([
        "1104",
        `${algorithm}${hex(LONG.length, 8)}`,
      ]);
      if (algorithm === "01") {
        expect(gunzipSync(Buffer.from(frame.slice(42), "hex")).toString()).toBe(LONG);
      }
      await client.close();
      await call;
    }
  });
});

describe("a compressed body from a peer", () => {
  async function rawPair(options = ON): Promise<{
    peer: RawPeer;
    server: Awaited<ReturnType<typeof startServer>>["server"];
    connection: Connection;
  }> {
    const { server, address } = await startServer(options);
    const accepted = new Promise<Connection>((resolve) => {
      server.onConnection(resolve);
    });
    const peer = await rawClient(address, RAW_LIMITS, GZIP);
    return { peer, server, connection: await accepted };
  }

  const text = Buffer.from(LONG);
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));

  test("of gzip is read byte for byte", async () => {
    const { peer } = await rawPair();
    peer.send(compressedFrame("11", ECHO, 9, text.length, gzipSync(text)));
    const frame = await peer.frame();
    expect(frame.slice(8, 42)).toBe(
      `1204${hex(ECHO, 4)}0000000900000000 01${hex(text.length, 8)}`.replaceAll(" ", ""),
    );
    expect(gunzipSync(Buffer.from(frame.slice(42), "hex")).equals(text)).toBe(true);
  });

  const refusals: [string, number, Buffer, number, string, Status][] = [
    ["a bomb that says what it is", bomb.length, bomb, 1, "DT_RPC_BAD_COMPRESSION", Status.invalid],
    [
      "a bomb of 200 MiB",
      200 * 1024 * 1024,
      bomb,
      1,
      "DT_RPC_DECOMPRESSED_TOO_LARGE",
      Status.tooLarge,
    ],
    ["a bomb that says it is small", 2000, bomb, 1, "DT_RPC_BAD_COMPRESSION", Status.invalid],
    [
      "one that is longer than it says",
      10,
      gzipSync(text),
      1,
      "DT_RPC_BAD_COMPRESSION",
      Status.invalid,
    ],
    [
      "one that is shorter than it says",
      99_999,
      gzipSync(text),
      1,
      "DT_RPC_BAD_COMPRESSION",
      Status.invalid,
    ],
    [
      "one that is cut off",
      text.length,
      gzipSync(text).subarray(0, 50),
      1,
      "DT_RPC_BAD_COMPRESSION",
      Status.invalid,
    ],
    ["garbage", 100, Buffer.from("garbage"), 1, "DT_RPC_BAD_COMPRESSION", Status.invalid],
    [
      "garbage in place of zstd",
      100,
      Buffer.from("garbage"),
      2,
      "DT_RPC_BAD_COMPRESSION",
      Status.invalid,
    ],
    [
      "an unknown algorithm",
      text.length,
      gzipSync(text),
      3,
      "DT_RPC_BAD_COMPRESSION",
      Status.invalid,
    ],
    [
      "an empty one",
      0,
      gzipSync(Buffer.alloc(0)),
      1,
      "DT_RPC_DECOMPRESSED_TOO_LARGE",
      Status.tooLarge,
    ],
  ];

  if (HAS_ZSTD) {
    const zstdBomb = zlib.zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    refusals.push(["a bomb of zstd", 2000, zstdBomb, 2, "DT_RPC_BAD_COMPRESSION", Status.invalid]);
  }

  test.each(refusals)("%s is refused, and the connection goes on", async (...refusal) => {
    const [, byteCount, compressed, algorithm, code, status] = refusal;
    const { peer, server, connection } = await rawPair();
    peer.send(compressedFrame("11", ECHO, 9, byteCount, compressed, algorithm));
    const answer = await peer.frame();
    expect([answer.slice(8, 12), answer.slice(16, 32)]).toEqual([
      "1202",
      `00000009${hex(status, 8)}`,
    ]);
    expect(Buffer.from(answer, "hex").toString("latin1")).toContain(code);
    expect(server.counters.badCompressedBodies).toBe(1);
    peer.send(`0000000d 1100 ${hex(ECHO, 4)} 0000000a 00000000 61`);
    expect(await peer.frame()).toBe(`0000000d1200${hex(ECHO, 4)}0000000a0000000061`);
    expect(connection.inFlightRequests).toBe(0);
  });

  test("that is too short for its own header is refused", async () => {
    const { peer } = await rawPair();
    peer.send(`00000010 1104 ${hex(ECHO, 4)} 00000009 00000000 01000000`);
    expect(Buffer.from(await peer.frame(), "hex").toString("latin1")).toContain(
      "DT_RPC_BAD_COMPRESSION",
    );
  });

  test("that is bad in a one-way comes back as a nack", async () => {
    const { peer } = await rawPair();
    peer.send(compressedFrame("13", NOTE, 0, 10, Buffer.from("garbage")));
    expect(await peer.frame()).toBe(
      `000000161300000300000000000000000000000000000001${hex(NOTE, 4)}`,
    );
  });

  test("that is bad in a stream ends the stream", async () => {
    const { peer, server } = await rawPair();
    const takes = takeStreams();
    server.commands.on(300, takes.handler);
    peer.send("00000019 1102 012c 00000009 00000000 000b 04 0008 00000004 00001000");
    await peer.frame();
    const { log } = await takes.next();
    peer.send(compressedFrame("13", 8, 9, 10, Buffer.from("garbage")));
    const answer = await peer.frame();
    expect(answer.slice(8, 32)).toBe("1202012c0000000900000001");
    expect(log.error?.fault).toMatchObject({ violation: "DT_RPC_STREAM_MESSAGE" });
  });

  test("ends the connection when this side has it off, as any flag that was not agreed", async () => {
    const { peer } = await rawPair({ compressAboveBytes: 0 });
    peer.send(compressedFrame("11", ECHO, 9, text.length, gzipSync(text)));
    expect(Buffer.from(await peer.frame(), "hex").toString("latin1")).toContain("UNKNOWN_FLAG");
    await peer.closed();
  });

  test("that is bad in a reply fails its call alone", async () => {
    const { address, peers } = await rawServer();
    const connected = startClient({ address, ...ON });
    const peer = await rawAccept(peers, RAW_LIMITS, GZIP);
    const client = await connected;
    client.commands.on(ECHO, echo);
    const call = failureOf(client.call(300, 0, 5000, writeText, "", readText));
    const seq = Number.parseInt((await peer.frame()).slice(16, 24), 16);
    peer.send(compressedFrame("12", 300, seq, 2000, bomb));
    expect(await call).toMatchObject({
      code: "DT_RPC_BAD_REPLY",
      cause: { message: expect.stringContaining("DT_RPC_BAD_COMPRESSION") },
    });
    expect(client.isConnected).toBe(true);
  });
});
