import { describe, expect, test } from "vitest";
import { ECHO, HOLD, readLength, readText, writeBytes, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { holdOn, startPair } from "./support/pair.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

describe("the sender's permits", () => {
  test("let calls wait beyond the number the peer takes, in order", async () => {
    const { server, client, near } = await startPair({ maxInFlightRequests: 3 });
    const held = holdOn(server.commands);
    const calls = Array.from({ length: 10 }, (_, index) =>
      client.call(HOLD, 0, 20_000, writeText, `${index}`, readText),
    );
    for (let answered = 0; answered < 10; answered++) {
      await until(() => held.length > answered, "the next request");
      expect(held.length).toBeLessThanOrEqual(answered + 3);
      held[answered]?.reply(writeText, `answer ${answered}`);
    }
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 10 }, (_, index) => `answer ${index}`),
    );
    expect(server.counters.flowControlRefusals).toBe(0);
    expect(near.pendingCalls).toBe(0);
  });

  test("let calls wait beyond the bytes the peer takes", async () => {
    const { server, client } = await startPair({ maxInFlightBytes: 10_000 });
    const held = holdOn(server.commands);
    const body = Buffer.alloc(4000);
    const calls = Array.from({ length: 9 }, () =>
      client.call(HOLD, 0, 20_000, writeBytes, body, readLength),
    );
    for (let answered = 0; answered < 9; answered++) {
      await until(() => held.length > answered, "the next request");
      expect(held.length).toBeLessThanOrEqual(answered + 3);
      held[answered]?.replyEmpty();
    }
    await Promise.all(calls);
    expect(server.counters.flowControlRefusals).toBe(0);
  });

  test("refuse at once what may not wait", async () => {
    const { server, client } = await startPair({ maxInFlightRequests: 2 }, { maxWaitingCalls: 0 });
    const held = holdOn(server.commands);
    const calls = [1, 2].map(() => client.call(HOLD, 0, 20_000, writeText, "", readText));
    const error = await failureOf(client.call(HOLD, 0, 20_000, writeText, "", readText));
    expect(error).toMatchObject({
      code: "DT_RPC_FLOW_CONTROL",
      status: null,
      mayHaveExecuted: false,
      fault: { waitingCalls: 0, limit: 0 },
    });
    await until(() => held.length === 2, "the requests");
    held.forEach((request) => request.replyEmpty());
    await Promise.all(calls);
    expect(await client.call(ECHO, 0, 5000, writeText, "again", readText)).toBe("again");
  });

  test("bound how many calls wait", async () => {
    const { server, client } = await startPair({ maxInFlightRequests: 1 }, { maxWaitingCalls: 5 });
    const held = holdOn(server.commands);
    const calls = Array.from({ length: 6 }, () =>
      client.call(HOLD, 0, 20_000, writeText, "", readText),
    );
    const error = await failureOf(client.call(HOLD, 0, 20_000, writeText, "", readText));
    expect(error.fault).toMatchObject({ waitingCalls: 5, limit: 5 });
    for (let answered = 0; answered < 6; answered++) {
      await until(() => held.length > answered, "the next request");
      held[answered]?.replyEmpty();
    }
    await Promise.all(calls);
  });

  test("are given back by calls that time out", async () => {
    const { server, client } = await startPair({}, { maxInFlightRequests: 2 });
    holdOn(server.commands);
    await Promise.all(
      [1, 2].map(() => failureOf(client.call(HOLD, 0, 20, writeText, "", readText))),
    );
    expect(await client.call(ECHO, 0, 5000, writeText, "free", readText)).toBe("free");
  });
});

describe("the receiver's limits", () => {
  test("answer FLOW_CONTROL to the requests beyond their number", async () => {
    const { server, address } = await startPair({ maxInFlightRequests: 2 });
    const held = holdOn(server.commands);
    const peer = await rawClient(address);
    for (const seq of [1, 2, 3]) {
      peer.send(`0000000c 11 00 0101 0000000${seq} 00000000`);
    }
    const refusal = await peer.frame();
    expect(refusal.slice(8, 32)).toBe("12020101" + "00000003" + "00000007");
    expect(refusal).toContain(Buffer.from("DT_RPC_RECEIVER_FULL").toString("hex"));
    expect(server.counters.flowControlRefusals).toBe(1);
    held[0]?.replyEmpty();
    peer.send("0000000c 11 00 0101 00000004 00000000");
    await until(() => held.length === 3, "a request that is taken again");
  });

  test("answer FLOW_CONTROL to the requests beyond their bytes", async () => {
    const { server, address } = await startPair({ maxInFlightBytes: 1024 });
    const held = holdOn(server.commands);
    const peer = await rawClient(address);
    const body = "00".repeat(600);
    for (const seq of [1, 2, 3]) {
      peer.send(`00000264 11 00 0101 0000000${seq} 00000000 ${body}`);
    }
    expect((await peer.frame()).slice(16, 32)).toBe("00000003" + "00000007");
    expect(held).toHaveLength(2);
  });
});
