import { describe, expect, test } from "vitest";
import { encodeAcceptance } from "../src/handshake-frame.ts";
import { CommandTable, Status } from "../src/index.ts";
import { ECHO, FAIL, NOTE, readText, writeText } from "./support/bodies.ts";
import { echo, startClient, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawAccept, rawClient, rawServer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

// Lengths, header and body of whole frames as they are on the wire. Echo is command 0x0100, with
// the body "hi".

describe("a server", () => {
  test("answers a request without a group", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    peer.send("0000000e 11 00 0100 00000007 00000000 6869");
    expect(await peer.frame()).toBe(
      "0000000e" + "12" + "00" + "0100" + "00000007" + "00000000" + "6869",
    );
  });

  test("answers a request with the group id of no group", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    peer.send("00000012 11 01 0100 00000008 00000000 00000000 6869");
    expect(await peer.frame()).toBe(
      "0000000e" + "12" + "00" + "0100" + "00000008" + "00000000" + "6869",
    );
  });

  test("answers a request of a group, without the group id", async () => {
    const { server, address } = await startServer();
    server.groups.register(0x01020304, new CommandTable().on(ECHO, echo));
    const peer = await rawClient(address);
    peer.send("00000012 11 01 0100 00000009 000f4240 01020304 6869");
    expect(await peer.frame()).toBe(
      "0000000e" + "12" + "00" + "0100" + "00000009" + "00000000" + "6869",
    );
  });

  test("skips an extension block, with and without a group", async () => {
    const { server, address } = await startServer();
    server.groups.register(5, new CommandTable().on(ECHO, echo));
    const peer = await rawClient(address);
    peer.send("00000014 11 02 0100 0000000a 00000000 0004 7f000155 6869");
    peer.send("00000018 11 03 0100 0000000b 00000000 00000005 0004 7f000155 6869");
    peer.send("00000010 11 02 0100 0000000c 00000000 0000 6869");
    for (const seq of ["0000000a", "0000000b", "0000000c"]) {
      expect(await peer.frame()).toBe(
        "0000000e" + "12" + "00" + "0100" + seq + "00000000" + "6869",
      );
    }
  });

  test("answers any seq of 32 bits", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    for (const seq of ["00000001", "7fffffff", "80000000", "ffffffff"]) {
      peer.send(`0000000c 11 00 0100 ${seq} 00000000`);
      expect(await peer.frame()).toBe("0000000c" + "12" + "00" + "0100" + seq + "00000000");
    }
  });

  test("answers an error with code, detail and message", async () => {
    const { server, address } = await startServer();
    server.commands.on(FAIL, (request) => {
      request.failWith(Status.notLeader, "C", "msg", writeText, "D");
    });
    const peer = await rawClient(address);
    peer.send("0000000c 11 00 0102 00000001 00000000");
    expect(await peer.frame()).toBe(
      "00000019" +
        "12" +
        "02" +
        "0102" +
        "00000001" +
        "00000009" +
        "0008" +
        "01000143" +
        "02000144" +
        "6d7367",
    );
  });

  test("answers a ping", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    peer.send("0000000c 11 00 0002 00000001 00000000");
    expect(await peer.frame()).toBe("0000000c" + "12" + "00" + "0002" + "00000001" + "00000000");
  });

  test("nacks a one-way of an unknown group", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    peer.send("00000010 13 01 0100 00000000 00000000 00000063");
    expect(await peer.frame()).toBe(
      "00000016" +
        "13" +
        "00" +
        "0003" +
        "00000000" +
        "00000000" +
        "00000063" +
        "0000000a" +
        "0100",
    );
  });

  test("says goodbye when it closes", async () => {
    const { server, address } = await startServer();
    const peer = await rawClient(address);
    const closed = server.close();
    expect(await peer.frame()).toBe("0000000c" + "13" + "00" + "0004" + "00000000" + "00000000");
    await closed;
    await peer.closed();
  });

  test("reads frames whatever the chunks are", async () => {
    const { address } = await startServer();
    const peer = await rawClient(address);
    const request = Buffer.from(
      "0000000e11000100000000070000000068690000000e1100010000000008",
      "hex",
    );
    for (const byte of request) {
      peer.sendBytes(Buffer.of(byte));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    peer.send("00000000 6869");
    expect(await peer.frame()).toBe(
      "0000000e" + "12" + "00" + "0100" + "00000007" + "00000000" + "6869",
    );
    expect(await peer.frame()).toBe(
      "0000000e" + "12" + "00" + "0100" + "00000008" + "00000000" + "6869",
    );
  });
});

describe("a client", () => {
  test("sends these bytes", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    const calls = [
      client.call(ECHO, 0, 0, writeText, "hi", readText),
      client.call(ECHO, 0xffff_ffff, 1500, writeText, "hi", readText),
    ];
    expect(client.oneWay(NOTE, 0, writeText, "hi")).toBe(true);
    expect(client.oneWay(NOTE, 7, writeText, "hi")).toBe(true);
    expect(await peer.frame()).toBe(
      "0000000e" + "11" + "00" + "0100" + "00000001" + "00000000" + "6869",
    );
    expect(await peer.frame()).toBe(
      "00000012" + "11" + "01" + "0100" + "00000002" + "0016e360" + "ffffffff" + "6869",
    );
    expect(await peer.frame()).toBe(
      "0000000e" + "13" + "00" + "0103" + "00000000" + "00000000" + "6869",
    );
    expect(await peer.frame()).toBe(
      "00000012" + "13" + "01" + "0103" + "00000000" + "00000000" + "00000007" + "6869",
    );
    // Answered the other way round; one of them with a group id and an extension, which a response
    // may have.
    peer.send("0000001a 12 03 0100 00000002 00000000 ffffffff 0004 7f000155 74776f21");
    peer.send("0000000f 12 00 0100 00000001 00000000 6f6e65");
    expect(await Promise.all(calls)).toEqual(["one", "two!"]);
  });

  test("takes an error answer without extension, and one with a status it does not know", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    const calls = [1, 2].map(() =>
      client.call(ECHO, 0, 0, writeText, "", readText).catch((error: unknown) => error),
    );
    peer.send("0000000f 12 00 0100 00000001 00000003 6e6f21");
    peer.send("0000000c 12 00 0100 00000002 000000ff");
    expect(await Promise.all(calls)).toMatchObject([
      { code: "DT_RPC_REMOTE", status: Status.denied, remoteCode: null },
      { code: "DT_RPC_REMOTE", status: Status.internal, remoteCode: null, mayHaveExecuted: true },
    ]);
  });

  test("drops and counts a response that no call waits for", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    peer.send("0000000c 12 00 0100 00000063 00000000");
    await until(() => client.counters.lateResponses === 1, "the late response");
    expect(client.isConnected).toBe(true);
  });

  test("drops and counts a response to a call that was not even sent", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([
      startClient({ address, maxInFlightRequests: 1 }),
      rawAccept(peers),
    ]);
    const calls = [1, 2].map(() => client.call(ECHO, 0, 0, writeText, "", readText));
    await peer.frame();
    peer.send("0000000d 12 00 0100 00000002 00000000 78");
    await until(() => client.counters.lateResponses === 1, "the early response");
    peer.send("0000000d 12 00 0100 00000001 00000000 79");
    await peer.frame();
    peer.send("0000000d 12 00 0100 00000002 00000000 7a");
    expect(await Promise.all(calls)).toEqual(["y", "z"]);
  });

  test("reads what follows the handshake in the same packet", async () => {
    const { address, peers } = await rawServer();
    const connecting = startClient({ address });
    await until(() => peers.length > 0, "a connection");
    const [peer] = peers;
    await peer!.frame();
    const ping = Buffer.from("0000000c110000020000000100000000", "hex");
    peer!.sendBytes(Buffer.concat([encodeAcceptance(1, RAW_IDENTITY, RAW_LIMITS), ping]));
    await connecting;
    expect(await peer!.frame()).toBe("0000000c" + "12" + "00" + "0002" + "00000001" + "00000000");
  });
});
