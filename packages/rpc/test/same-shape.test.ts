import { expect, test } from "vitest";
import { CommandTable } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { startPair } from "./support/pair.ts";
import type { IncomingRequest } from "../src/index.ts";

/** What an object's hidden class follows from: the names, order and kinds of its fields. */
function shapeOf(value: object): string {
  return Object.entries(value)
    .map(([name, field]) => `${name}:${typeof field}`)
    .join();
}

test("every request has the same shape, whatever it carries", async () => {
  const { server, client } = await startPair();
  const shapes = new Set<string>();
  const answer = (request: IncomingRequest): void => {
    shapes.add(shapeOf(request));
    request.replyEmpty();
    shapes.add(shapeOf(request));
  };
  server.commands.on(300, answer);
  server.groups.register(5, new CommandTable().on(300, answer));
  await client.call(300, 0, 0, writeText, "", readText);
  await client.call(300, 5, 5000, writeText, "x", readText);
  client.oneWay(300, 0, writeText, "");
  client.oneWay(300, 5, writeText, "");
  await client.call(ECHO, 0, 5000, writeText, "", readText);
  expect([...shapes]).toHaveLength(1);
});
