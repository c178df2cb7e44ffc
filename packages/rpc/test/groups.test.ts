import { describe, expect, test } from "vitest";
import { CommandTable, Status } from "../src/index.ts";
import { ECHO, HOLD, NOTE, readText, writeText } from "./support/bodies.ts";
import { Tally, failureOf } from "./support/failure.ts";
import { echo, holdOn, startPair } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { IncomingRequest } from "../src/index.ts";

describe("groups", () => {
  test("have command tables of their own", async () => {
    const { server, client } = await startPair();
    for (const groupId of [1, 2, 0xffff_ffff]) {
      const answer = (request: IncomingRequest): void => {
        request.reply(writeText, `group ${request.groupId}`);
      };
      server.groups.register(groupId, new CommandTable().on(ECHO, answer));
    }
    const replies = [1, 2, 0xffff_ffff, 1, 0].map((groupId) =>
      client.call(ECHO, groupId, 5000, writeText, "none", readText),
    );
    expect(await Promise.all(replies)).toEqual([
      "group 1",
      "group 2",
      "group 4294967295",
      "group 1",
      "none",
    ]);
  });

  test("that are unknown are refused, also right after they were used", async () => {
    const { server, client } = await startPair();
    server.groups.register(7, new CommandTable().on(ECHO, echo));
    expect(await client.call(ECHO, 7, 5000, writeText, "a", readText)).toBe("a");
    server.groups.unregister(7);
    const error = await failureOf(client.call(ECHO, 7, 5000, writeText, "b", readText));
    expect(error).toMatchObject({
      status: Status.groupNotFound,
      remoteCode: "DT_RPC_GROUP_NOT_FOUND",
      mayHaveExecuted: false,
    });
    server.groups.register(
      7,
      new CommandTable().on(ECHO, (request) => request.replyEmpty()),
    );
    expect(await client.call(ECHO, 7, 5000, writeText, "c", readText)).toBe("");
  });

  test("refuse commands they do not have", async () => {
    const { server, client } = await startPair();
    server.groups.register(7, new CommandTable());
    const error = await failureOf(client.call(ECHO, 7, 5000, writeText, "", readText));
    expect(error.status).toBe(Status.notSupported);
  });

  test("note when they were last used", async () => {
    const { server, client } = await startPair();
    server.groups.register(7, new CommandTable().on(ECHO, echo));
    const registeredMs = server.groups.lastActivityMs(7);
    await until(() => performance.now() > registeredMs + 1, "the clock");
    await client.call(ECHO, 7, 5000, writeText, "", readText);
    expect(server.groups.lastActivityMs(7)).toBeGreaterThan(registeredMs);
  });

  test("that drain answer what they have taken and refuse the rest, under traffic", async () => {
    const { server, client } = await startPair();
    const table = new CommandTable();
    const held = holdOn(table);
    server.groups.register(7, table);
    const before = new Tally();
    const after = new Tally();
    for (let count = 0; count < 500; count++) {
      client.start(HOLD, 7, 0, writeText, "", before);
    }
    await until(() => held.length === 500, "the requests");
    let isDrained = false;
    const drained = server.groups.drain(7).then(() => {
      isDrained = true;
    });
    for (let count = 0; count < 500; count++) {
      client.start(HOLD, 7, 0, writeText, "", after);
    }
    await until(() => after.failures.length === 500, "the refusals");
    expect(new Set(after.failures.map((error) => error.status))).toEqual(
      new Set([Status.groupStopped]),
    );
    expect(after.failures[0]).toMatchObject({
      remoteCode: "DT_RPC_GROUP_STOPPED",
      mayHaveExecuted: false,
    });
    held.slice(1).forEach((request) => request.replyEmpty());
    await client.call(ECHO, 0, 5000, writeText, "", readText);
    expect(isDrained).toBe(false);
    held[0]?.fail(Status.denied, "DT_X", "");
    await drained;
    await until(() => before.count === 500, "the answers");
    expect(before.failures.map((error) => error.remoteCode)).toEqual(["DT_X"]);
    expect(server.groups.exists(7)).toBe(true);
  });
});

describe("a one-way", () => {
  test("to an unknown group, a draining group or an unknown command is nacked", async () => {
    const { server, client, near } = await startPair();
    server.groups.register(7, new CommandTable());
    server.groups.register(
      8,
      new CommandTable().on(NOTE, () => {}),
    );
    await server.groups.drain(7);
    const nacks: number[][] = [];
    near.onNack((groupId, status, command) => nacks.push([groupId, status, command]));
    client.oneWay(NOTE, 0xffff_ffff, writeText, "");
    client.oneWay(NOTE, 7, writeText, "");
    client.oneWay(ECHO, 8, writeText, "");
    client.oneWay(NOTE, 8, writeText, "");
    client.oneWay(9999, 0, writeText, "");
    await client.call(ECHO, 0, 5000, writeText, "", readText);
    expect(nacks).toEqual([
      [0xffff_ffff, Status.groupNotFound, NOTE],
      [7, Status.groupStopped, NOTE],
      [8, Status.notSupported, ECHO],
      [0, Status.notSupported, 9999],
    ]);
    expect(server.counters.unroutable).toBe(4);
  });
});
