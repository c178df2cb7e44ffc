import { describe, expect, test } from "vitest";
import { Status, createClient } from "../src/index.ts";
import { ECHO, readText, writeBytes, writeText } from "./support/bodies.ts";
import { ChatDefinition, command, startChat } from "./support/chat.ts";
import { collect, failureOfLoop } from "./support/collect.ts";
import { failureOf } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { until } from "./support/until.ts";

describe("garbage", () => {
  test("in place of a request is INVALID for that call only", async () => {
    const { chat, near } = await startChat();
    const garbage = Buffer.from("ffffffffffff", "hex");
    for (const method of ["Rooms", "History"]) {
      const error = await failureOf(
        near.call(command(method), 0, 5000, writeBytes, garbage, readText),
      );
      expect(error).toMatchObject({
        status: Status.invalid,
        remoteCode: "DT_RPC_BAD_REQUEST",
        mayHaveExecuted: false,
      });
    }
    expect((await chat.rooms({ prefix: "" })).rooms).toHaveLength(2);
  });

  test("in a stream of requests is INVALID for that stream only", async () => {
    const seen: unknown[] = [];
    const { server, near } = await startChat({
      async import(lines) {
        try {
          await collect(lines);
        } catch (error) {
          seen.push(error);
          throw error;
        }
        return { lines: 0 };
      },
    });
    const { openStream } = await import("./support/stream-log.ts");
    const { stream, outcome } = openStream(near, command("Import"));
    await until(() => stream.send(writeBytes, Buffer.from("ffff", "hex")), "credit");
    await until(() => outcome.count === 1, "the refusal");
    expect(outcome.failures[0]).toMatchObject({
      status: Status.invalid,
      remoteCode: "DT_RPC_STREAM_MESSAGE",
    });
    await until(() => seen.length === 1, "the implementation's end");
    expect(seen[0]).toMatchObject({ code: "DT_RPC_STREAM" });
    expect(server.connections.size).toBe(1);
  });

  test("in place of a response fails that call only", async () => {
    const { server, client } = await startPair();
    const commands = { rooms: 300, history: 301, import: 302, join: 303 };
    const garbage = Buffer.from("ffff", "hex");
    server.commands.on(300, (request) => request.replyBytes(garbage));
    const { StreamLog, NO_WINDOW } = await import("./support/stream-log.ts");
    server.commands.on(301, (request) => {
      request.connection.streams
        .accept(request, NO_WINDOW, new StreamLog())
        ?.stream.send(writeBytes, garbage);
    });
    const chat = createClient(ChatDefinition, client, { commands });
    expect((await failureOf(chat.rooms({ prefix: "" }))).code).toBe("DT_RPC_BAD_REPLY");
    // @ts-expect-error a request of another type does not compile
    expect((await failureOf(chat.rooms({ room: 5 }))).code).toBe("DT_RPC_ENCODE");
    expect((await failureOfLoop(chat.history({ room: "" }))).code).toBe("DT_RPC_BAD_REPLY");
    expect(await client.call(ECHO, 0, 5000, writeText, "x", readText)).toBe("x");
  });

  test("a call of the wrong kind is refused", async () => {
    const { near } = await startChat();
    const { openStream } = await import("./support/stream-log.ts");
    const { outcome } = openStream(near, command("Rooms"));
    await until(() => outcome.count === 1, "the refusal");
    expect(outcome.failures[0]).toMatchObject({ remoteCode: "DT_RPC_STREAM_KIND" });
    const error = await failureOf(near.call(command("Join"), 0, 0, writeText, "", readText));
    expect(error).toMatchObject({ remoteCode: "DT_RPC_STREAM_KIND", mayHaveExecuted: false });
  });
});
