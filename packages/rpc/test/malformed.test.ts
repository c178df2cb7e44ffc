import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeOffer } from "../src/handshake-frame.ts";
import { Status } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startServer } from "./support/pair.ts";
import {
  RAW_IDENTITY,
  RAW_LIMITS,
  rawAccept,
  rawClient,
  rawConnect,
  rawServer,
} from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

describe("after the handshake", () => {
  test.each([
    [
      "an unknown header version",
      "0000000c 21 00 0100 00000001 00000000",
      "00000004",
      "DT_RPC_HEADER_VERSION",
    ],
    [
      "header version 0",
      "0000000c 01 00 0100 00000001 00000000",
      "00000004",
      "DT_RPC_HEADER_VERSION",
    ],
    [
      "an unknown kind",
      "0000000c 14 00 0100 00000001 00000000",
      "00000001",
      "DT_RPC_MALFORMED_FRAME",
    ],
    ["an unknown flag", "0000000c 11 08 0100 00000001 00000000", "00000004", "DT_RPC_UNKNOWN_FLAG"],
    [
      "compression that was not agreed",
      "0000000c 11 04 0100 00000001 00000000",
      "00000004",
      "DT_RPC_UNKNOWN_FLAG",
    ],
    [
      "a group id that is cut off",
      "0000000e 11 01 0100 00000001 00000000 0000",
      "00000001",
      "DT_RPC_MALFORMED_FRAME",
    ],
    [
      "an extension that is cut off",
      "0000000d 11 02 0100 00000001 00000000 00",
      "00000001",
      "DT_RPC_MALFORMED_FRAME",
    ],
    [
      "an extension longer than its frame",
      "0000000f 13 02 0100 00000001 00000000 0002 00",
      "00000001",
      "DT_RPC_MALFORMED_FRAME",
    ],
    [
      "a request with seq 0",
      "0000000c 11 00 0100 00000000 00000000",
      "00000001",
      "DT_RPC_MALFORMED_FRAME",
    ],
    ["a frame shorter than its header", "0000000b", "00000001", "DT_RPC_MALFORMED_FRAME"],
    ["a frame over the limit", "00000801", "0000000c", "DT_RPC_FRAME_TOO_LARGE"],
    ["a frame of 4 GiB", "ffffffff", "0000000c", "DT_RPC_FRAME_TOO_LARGE"],
  ])(
    "%s is refused with a code, counted, and ends the connection",
    async (_name, frame, status, code) => {
      const { server, address } = await startServer({ maxFrameBytes: 2048 });
      const peer = await rawClient(address);
      peer.send(frame);
      const refusal = await peer.frame();
      // A response to seq 0, which no call has: it refuses the connection.
      expect(refusal.slice(8, 32)).toBe(`12020001${"00000000"}${status}`);
      expect(refusal).toContain(hex(code));
      await peer.closed();
      expect(server.counters.malformedFrames).toBe(1);
      await until(() => server.connections.size === 0, "the end of the connection");
    },
  );

  test("frames before the malformed one are answered, those behind it are not", async () => {
    const { server, address } = await startServer();
    let handled = 0;
    server.commands.on(300, (request) => {
      handled++;
      request.replyEmpty();
    });
    const peer = await rawClient(address);
    peer.send(
      "0000000c 11 00 012c 00000001 00000000" +
        "0000000c 1f 00 012c 00000002 00000000" +
        "0000000c 11 00 012c 00000003 00000000",
    );
    expect((await peer.frame()).slice(16, 24)).toBe("00000001");
    expect((await peer.frame()).slice(16, 24)).toBe("00000000");
    await peer.closed();
    expect(handled).toBe(1);
  });

  test("a refusal arrives although the peer goes on sending", async () => {
    const { address } = await startServer({ maxFrameBytes: 2048 });
    const peer = await rawClient(address);
    peer.send("ffffffff");
    const more = Buffer.alloc(1_000_000);
    for (let count = 0; count < 8; count++) {
      peer.sendBytes(more);
    }
    expect(await peer.frame()).toContain(hex("DT_RPC_FRAME_TOO_LARGE"));
    await peer.closed();
  });

  test("a refusal of the connection ends the calls of the client", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    const call = failureOf(client.call(ECHO, 0, 5000, writeText, "", readText));
    await peer.frame();
    peer.send("00000016 12 02 0001 00000000 0000000c 0005 0100024e4f 776879");
    const error = await call;
    expect(error).toMatchObject({ code: "DT_RPC_CONNECTION_LOST", mayHaveExecuted: true });
    expect(error.cause).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.tooLarge,
      remoteCode: "NO",
    });
    await client.close();
  });

  test("an error answer that cannot be read ends the connection, and its call", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    const call = failureOf(client.call(ECHO, 0, 0, writeText, "", readText));
    const seq = (await peer.frame()).slice(16, 24);
    peer.send(`00000012 12 02 0100 ${seq} 0000000d 0004 010001ff`);
    const error = await call;
    expect(error).toMatchObject({ code: "DT_RPC_CONNECTION_LOST", mayHaveExecuted: true });
    expect(error.cause).toMatchObject({ code: "DT_RPC_PROTOCOL" });
    await client.close();
  });

  test("a frame cut off at any byte ends with the connection, and the server goes on", async () => {
    const { server, address } = await startServer();
    const request = Buffer.from("0000001411030100000000010000000000000005" + "00026869", "hex");
    for (let length = 1; length < request.length; length++) {
      const peer = await rawClient(address);
      peer.socket.end(request.subarray(0, length));
      await peer.closed();
    }
    await until(() => server.connections.size === 0, "the end of the connections");
    expect(server.counters.malformedFrames).toBe(0);
    const client = await startClient({ address });
    expect(await client.call(ECHO, 0, 5000, writeText, "on", readText)).toBe("on");
  });

  test("a large frame that never comes does not take its memory", async () => {
    const { server, address } = await startServer();
    const before = process.memoryUsage().arrayBuffers;
    const peers = await Promise.all(Array.from({ length: 20 }, () => rawClient(address)));
    for (const peer of peers) {
      peer.send("00ffffff 11 00 0100 00000001 00000000");
    }
    await until(() => server.counters.bytesIn === 20 * 16, "the first bytes of each frame");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
  });
});

test("no bytes whatever stop the server from serving others", async () => {
  const { server, address } = await startServer();
  const good = await startClient({ address });
  const offer = encodeOffer(RAW_IDENTITY, RAW_LIMITS);
  const request = Buffer.from("0000000e1100010000000001000000006869", "hex");
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          fc.tuple(fc.nat({ max: request.length - 1 }), fc.nat({ max: 255 })).map(([at, value]) => {
            const bytes = Buffer.from(request);
            bytes[at] = value;
            return bytes;
          }),
        ),
        { minLength: 1, maxLength: 5 },
      ),
      async (withHandshake, parts) => {
        const peer = await rawConnect(address);
        peer.sendBytes(Buffer.concat(withHandshake ? [offer, ...parts] : parts));
        peer.socket.end();
        await peer.closed();
        expect(await good.call(ECHO, 0, 5000, writeText, "fine", readText)).toBe("fine");
      },
    ),
    { numRuns: 100 },
  );
  await until(() => server.connections.size === 1, "the end of all but the good connection");
});
