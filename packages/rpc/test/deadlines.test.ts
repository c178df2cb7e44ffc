import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, HOLD, readText, writeText } from "./support/bodies.ts";
import { Tally, failureOf } from "./support/failure.ts";
import { holdOn, startClient, startPair } from "./support/pair.ts";
import { rawAccept, rawClient, rawServer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

describe("a deadline", () => {
  test("ends a call that has no answer, which may have been executed", async () => {
    const { server, client } = await startPair();
    holdOn(server.commands);
    const startMs = performance.now();
    const error = await failureOf(client.call(HOLD, 0, 50, writeText, "", readText));
    expect(error).toMatchObject({
      code: "DT_RPC_TIMEOUT",
      status: null,
      mayHaveExecuted: true,
      fault: { timeoutMs: 50, wasSent: true },
    });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(50);
    expect(client.counters.callsTimedOut).toBe(1);
  });

  test("of 0 never ends a call", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const call = client.call(HOLD, 0, 0, writeText, "", readText);
    await failureOf(client.call(HOLD, 0, 30, writeText, "", readText));
    await until(() => held.length === 2, "both requests");
    const [request] = held;
    expect(request?.deadlineMs).toBe(0);
    request?.reply(writeText, "late");
    expect(await call).toBe("late");
  });

  test("reaches the handler as the time that is left", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const sentMs = performance.now();
    const call = failureOf(client.call(HOLD, 0, 200, writeText, "", readText));
    await until(() => held.length === 1, "the request");
    // Both ends are in this process, so they share a clock.
    expect(held[0]?.deadlineMs).toBeGreaterThanOrEqual(sentMs + 200);
    expect(held[0]?.deadlineMs).toBeLessThanOrEqual(performance.now() + 200);
    await call;
  });

  test("that is over drops the reply, which reaches no other call", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    await failureOf(client.call(HOLD, 0, 20, writeText, "", readText));
    const [request] = held;
    await until(() => performance.now() > (request?.deadlineMs ?? 0), "the deadline");
    request?.reply(writeText, "too late");
    expect(server.counters.expiredBeforeReply).toBe(1);
    expect(await client.call(ECHO, 0, 5000, writeText, "mine", readText)).toBe("mine");
    expect(client.counters.lateResponses).toBe(0);
  });

  test("that falls due while the event loop is blocked gives way to an answer that is there", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    const call = client.call(ECHO, 0, 50, writeText, "", readText);
    await peer.frame();
    peer.send("0000000d 12 00 0100 00000001 00000000 78");
    const endMs = performance.now() + 150;
    while (performance.now() < endMs) {
      // Blocked: neither timers nor sockets are looked at.
    }
    expect(await call).toBe("x");
  });

  test("that is over here but not at the server makes the response a late one", async () => {
    const { address, peers } = await rawServer();
    const [client, peer] = await Promise.all([startClient({ address }), rawAccept(peers)]);
    await failureOf(client.call(ECHO, 0, 20, writeText, "", readText));
    const next = client.call(ECHO, 0, 5000, writeText, "", readText);
    await peer.frame();
    await peer.frame();
    peer.send("0000000d 12 00 0100 00000001 00000000 78 0000000d 12 00 0100 00000002 00000000 79");
    expect(await next).toBe("y");
    expect(client.counters.lateResponses).toBe(1);
  });

  test("that ends a call while it waits for a permit says that it was not sent", async () => {
    const { server, client } = await startPair({}, { maxInFlightRequests: 1 });
    const held = holdOn(server.commands);
    const first = client.call(HOLD, 0, 0, writeText, "", readText);
    const second = await failureOf(client.call(HOLD, 0, 20, writeText, "", readText));
    expect(second).toMatchObject({ code: "DT_RPC_TIMEOUT", mayHaveExecuted: false });
    const third = client.call(ECHO, 0, 5000, writeText, "third", readText);
    held[0]?.reply(writeText, "first");
    expect(await Promise.all([first, third])).toEqual(["first", "third"]);
    expect(held).toHaveLength(1);
  });

  test("in the race with the answer gives each call exactly one outcome", async () => {
    const { server, client } = await startPair();
    server.commands.on(300, (request) => {
      const untilMs = request.deadlineMs - 280 + (request.seq % 320);
      const wait = (): void => {
        if (performance.now() < untilMs && request.connection.isOpen) {
          setImmediate(wait);
        } else {
          request.replyEmpty();
        }
      };
      wait();
    });
    const outcomes = Array.from({ length: 400 }, () => new Tally());
    for (const outcome of outcomes) {
      client.start(300, 0, 300, writeText, "", outcome);
    }
    await until(() => outcomes.every((outcome) => outcome.count === 1), "all outcomes");
    await until(() => server.connections.values().next().value?.inFlightRequests === 0, "replies");
    await client.call(ECHO, 0, 5000, writeText, "", readText);
    expect(outcomes.every((outcome) => outcome.count === 1)).toBe(true);
    const timeouts = outcomes.filter((outcome) => outcome.failures[0]?.code === "DT_RPC_TIMEOUT");
    const replies = outcomes.filter((outcome) => outcome.replies === 1);
    expect(timeouts.length + replies.length).toBe(400);
    expect(replies.length).toBeGreaterThan(0);
    expect(client.counters.callsTimedOut).toBe(timeouts.length);
  });

  test("that is over before the handler could run drops the request", async () => {
    const { server, address } = await startPair({ maxSendBufferBytes: 1024 });
    let handled = 0;
    server.commands.on(300, (request) => {
      handled++;
      request.replyBytes(Buffer.alloc(8 * 1024 * 1024));
    });
    const peer = await rawClient(address);
    peer.socket.pause();
    // The first reply fills the send buffer, so the second request is put aside; it has 20 ms.
    peer.send("0000000c 11 00 012c 00000001 00000000 0000000c 11 00 012c 00000002 00004e20");
    await until(() => handled === 1, "the first request");
    const putAsideMs = performance.now();
    await until(() => performance.now() > putAsideMs + 40, "the deadline");
    peer.socket.resume();
    await until(() => server.counters.expiredBeforeHandling === 1, "the drop");
    expect(handled).toBe(1);
  });

  test("that is over at the start ends the call, and nothing is sent", async () => {
    const { client, near } = await startPair();
    const error = await failureOf(client.call(ECHO, 0, -0.5, writeText, "", readText));
    expect(error).toMatchObject({ code: "DT_RPC_TIMEOUT", mayHaveExecuted: false });
    expect([client.counters.framesOut, near.pendingCalls]).toEqual([0, 0]);
  });

  test("of any length is taken, but not NaN", async () => {
    const { client } = await startPair();
    for (const timeoutMs of [0.001 + 5000, 2 ** 31, 1e15, Infinity]) {
      expect(await client.call(ECHO, 0, timeoutMs, writeText, "x", readText)).toBe("x");
    }
    expect(() => client.call(ECHO, 0, NaN, writeText, "", readText)).toThrow(RangeError);
  });

  test("may be a refusal of the handler's own", async () => {
    const { server, client } = await startPair();
    server.commands.on(300, (request) => request.fail(Status.timeout, "DT_X_LATE", ""));
    const error = await failureOf(client.call(300, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      code: "DT_RPC_REMOTE",
      status: Status.timeout,
      mayHaveExecuted: true,
    });
  });
});
