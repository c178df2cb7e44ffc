import { expect, test } from "vitest";
import { CommandTable } from "../src/index.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { startPair } from "./support/pair.ts";
import { until } from "./support/until.ts";

test("the server calls the client as the client calls the server", async () => {
  const { client, far } = await startPair();
  client.commands.on(300, (request, body, start, end) => {
    request.reply(writeText, `client got ${readText(body, start, end)}`);
  });
  client.groups.register(
    9,
    new CommandTable().on(300, (request) => request.reply(writeText, "group 9 of the client")),
  );
  const answers = await Promise.all([
    far.call(300, 0, 5000, writeText, "a push", readText),
    far.call(300, 9, 5000, writeText, "", readText),
    client.call(ECHO, 0, 5000, writeText, "a call", readText),
  ]);
  expect(answers).toEqual(["client got a push", "group 9 of the client", "a call"]);
});

test("one-ways flow both ways, in order", async () => {
  const { server, client, far } = await startPair();
  const atServer: string[] = [];
  const atClient: string[] = [];
  server.commands.on(NOTE, (_request, body, start, end) => {
    atServer.push(readText(body, start, end));
  });
  client.commands.on(NOTE, (_request, body, start, end) => {
    atClient.push(readText(body, start, end));
  });
  const texts = Array.from({ length: 5000 }, (_, index) => `${index}`);
  for (const text of texts) {
    expect(client.oneWay(NOTE, 0, writeText, text)).toBe(true);
    expect(far.oneWay(NOTE, 0, writeText, text)).toBe(true);
  }
  await until(() => atServer.length + atClient.length === 10_000, "all one-ways");
  expect(atServer).toEqual(texts);
  expect(atClient).toEqual(texts);
});

test("a handler may call back over the connection of its request", async () => {
  const { server, client } = await startPair();
  client.commands.on(300, (request) => request.reply(writeText, "from the client"));
  server.commands.on(301, (request) => {
    request.connection.start(300, 0, 5000, writeText, "", {
      onReply(body, start, end) {
        request.reply(writeText, `server heard ${readText(body, start, end)}`);
      },
      onFail(error) {
        request.fail(13, error.code, error.message);
      },
    });
  });
  expect(await client.call(301, 0, 5000, writeText, "", readText)).toBe(
    "server heard from the client",
  );
});

test("each side may keep something on its connection", async () => {
  const { server, client, far } = await startPair();
  far.context = { user: "x" };
  server.commands.on(300, (request) => {
    request.reply(writeText, JSON.stringify(request.connection.context));
  });
  expect(await client.call(300, 0, 5000, writeText, "", readText)).toBe('{"user":"x"}');
});
