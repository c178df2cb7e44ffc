import { describe, expect, test } from "vitest";
import { CommandTable, RpcClient, Status, addService, createClient } from "../src/index.ts";
import { ChatDefinition, command, line, linesOf, plain, startChat } from "./support/chat.ts";
import { collect, failureOfLoop } from "./support/collect.ts";
import { failureOf } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import type { Connection } from "../src/index.ts";
import type { Chat } from "./support/chat.ts";

describe("a typed method", () => {
  test("is called: unary, server, client and bidirectional streaming", async () => {
    const { chat } = await startChat();
    expect(await chat.rooms({ prefix: "x" })).toEqual({ rooms: ["x1", "x2"] });
    const history = await collect(chat.history({ room: "k" }));
    expect(history.map(({ text }) => text)).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(await chat.import(linesOf("a", "", "c"))).toEqual({ lines: 2 });
    expect(await chat.import([line("from an array")])).toEqual({ lines: 1 });
    const echoed = await collect(chat.join(linesOf("hi", "ho")));
    expect(echoed.map(({ text }) => text)).toEqual(["HI", "HO"]);
    expect(await collect(chat.join([]))).toEqual([]);
  });

  test("takes many calls at a time", async () => {
    const { chat } = await startChat();
    const calls = Array.from({ length: 200 }, async (_, index) => {
      const texts = Array.from({ length: index % 7 }, (_unused, count) => `${index}-${count}`);
      const lines = await collect(chat.join(linesOf(...texts)));
      expect(lines.map(({ text }) => text)).toEqual(texts);
      expect((await chat.rooms({ prefix: `${index}` })).rooms[0]).toBe(`${index}1`);
    });
    await Promise.all(calls);
  });

  test("keeps messages in order through a window of two", async () => {
    const { chat } = await startChat({}, { streamWindowMessages: 2 });
    const texts = Array.from({ length: 500 }, (_, index) => `t${index}`);
    const lines = await collect(chat.join(linesOf(...texts)));
    expect(lines.map(({ text }) => text)).toEqual(texts.map((text) => text.toUpperCase()));
  });

  test("of a client is called by its server", async () => {
    const { client, far } = await startChat();
    addService(client.commands, ChatDefinition, plain);
    const chat = createClient(ChatDefinition, far);
    expect(await chat.rooms({ prefix: "p" })).toEqual({ rooms: ["p1", "p2"] });
    expect(await collect(chat.join(linesOf("up")))).toMatchObject([{ text: "UP" }]);
  });

  test("of a group is called with its id", async () => {
    const { server, client } = await startPair();
    const table = new CommandTable();
    addService(table, ChatDefinition, plain);
    server.groups.register(7, table);
    const chat = createClient(ChatDefinition, client, { groupId: 7 });
    expect(await chat.rooms({ prefix: "g" })).toEqual({ rooms: ["g1", "g2"] });
    expect(await collect(chat.join(linesOf("g")))).toMatchObject([{ text: "G" }]);
    await server.groups.drain(7);
    expect(await failureOfLoop(chat.join([]))).toMatchObject({ status: Status.groupStopped });
  });
});

describe("a service", () => {
  test("is registered whole or not at all", async () => {
    const { server } = await startPair();
    const { rooms, history, join } = plain;
    expect(() => server.addService(ChatDefinition, { rooms, history, join } as Chat)).toThrow(
      expect.objectContaining({
        code: "DT_RPC_SERVICE",
        fault: expect.objectContaining({ problems: [expect.stringMatching(/import/)] }),
      }),
    );
    server.commands.on(300, () => {});
    expect(() => server.addService(ChatDefinition, plain, { commands: { join: 300 } })).toThrow(
      /taken/,
    );
    server.addService(ChatDefinition, plain);
    expect(() => server.addService(ChatDefinition, plain)).toThrow(/taken/);
  });

  test("has the commands that both sides have chosen", async () => {
    const { server, client } = await startPair();
    const commands = { rooms: 300, join: 301 };
    server.addService(ChatDefinition, plain, { commands });
    const chat = createClient(ChatDefinition, client, { commands });
    expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
    expect(server.commands.find(300)).not.toBeNull();
    expect(server.commands.find(command("Rooms"))).toBeNull();
  });
});

test("without a connection every kind of call says so", async () => {
  const client = new RpcClient({ address: { host: "127.0.0.1", port: 1 } });
  const chat = createClient(ChatDefinition, client);
  const errors = await Promise.all([
    failureOf(chat.rooms({ prefix: "" })),
    failureOfLoop(chat.history({ room: "" })),
    failureOf(chat.import([])),
    failureOfLoop(chat.join([])),
  ]);
  expect(errors.map(({ code }) => code)).toEqual(errors.map(() => "DT_RPC_NOT_CONNECTED"));
  await client.close();
});

test("a connection's own channel is the connection", async () => {
  const { server, near } = await startPair();
  server.addService(ChatDefinition, plain);
  const channel: Connection = near;
  const chat = createClient(ChatDefinition, channel, { timeoutMs: 5000 });
  expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
});
