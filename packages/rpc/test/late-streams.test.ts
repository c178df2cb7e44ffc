import { describe, expect, test } from "vitest";
import { writeText } from "./support/bodies.ts";
import { Tally } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { SMALL_WINDOW, StreamLog, openStream } from "./support/stream-log.ts";
import { until } from "./support/until.ts";
import type { IncomingRequest, RpcError } from "../src/index.ts";

const STREAM = 300;

describe("streams that are first asked for after the end of the connection", () => {
  test("take up no request, and tell those that listen for its cancellation", async () => {
    const { server, near, far } = await startPair();
    const held: IncomingRequest[] = [];
    server.commands.on(STREAM, (request) => {
      held.push(request);
    });
    const { outcome } = openStream(near, STREAM);
    await until(() => held.length > 0, "the request");
    await near.close();
    await until(() => !far.isOpen, "the end at the other side");
    const [request] = held;
    const heard: RpcError[] = [];
    far.streams.listen(1, { onCancel: (error) => heard.push(error) });
    expect(heard.map(({ code }) => code)).toEqual([
      expect.stringMatching(/^DT_RPC_(CLOSED|CONNECTION_LOST)$/),
    ]);
    expect(far.streams.accept(request!, SMALL_WINDOW, new StreamLog())).toBeNull();
    expect(far.streams.count).toBe(0);
    expect(outcome.count).toBe(1);
  });

  test("open none", async () => {
    const { near } = await startPair();
    await near.close();
    const outcome = new Tally();
    const log = new StreamLog();
    const stream = near.streams.open(STREAM, 0, 0, writeText, "", SMALL_WINDOW, log, outcome);
    expect(stream).toBeNull();
    expect(outcome.failures.map(({ code }) => code)).toEqual(["DT_RPC_NOT_CONNECTED"]);
    expect(near.streams.count).toBe(0);
  });
});
