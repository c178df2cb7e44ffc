import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { Tally } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { RAW_LIMITS, SHORT_HEADER_IDENTITY } from "./support/raw-peer.ts";
import { rawServer, rawAccept } from "./support/raw-peer.ts";
import { SMALL_WINDOW, StreamLog, openStream, takeStreams } from "./support/stream-log.ts";
import { startClient } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { Stream } from "../src/index.ts";

const STREAM = 300;

describe("a stream", () => {
  test("carries messages both ways, in order, until it is answered", async () => {
    const { server, near, far } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream, log, outcome } = openStream(near, STREAM);
    const taken = await takes.next();
    await until(() => stream.send(writeText, "to 0"), "credit");
    for (let count = 1; count < 50; count++) {
      await until(() => stream.send(writeText, `to ${count}`), "credit");
      await until(() => taken.accepted.stream.send(writeText, `from ${count}`), "credit");
    }
    stream.end();
    await until(() => taken.log.hasEnded, "the end of the opener's messages");
    taken.accepted.reply(writeText, "done");
    await until(() => outcome.count === 1, "the answer");
    expect(outcome.replies).toBe(1);
    expect(taken.log.messages).toEqual(Array.from({ length: 50 }, (_, index) => `to ${index}`));
    expect(log.messages).toEqual(Array.from({ length: 49 }, (_, index) => `from ${index + 1}`));
    expect([near.streams.count, far.streams.count]).toEqual([0, 0]);
    expect([near.pendingCalls, far.inFlightRequests]).toEqual([0, 0]);
    expect(stream.send(writeText, "late")).toBe(false);
  });

  test("may be ended by its opener before the acceptor knows of it", async () => {
    const { server, near } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream, outcome } = openStream(near, STREAM);
    stream.end();
    stream.end();
    const taken = await takes.next();
    await until(() => taken.log.hasEnded, "the end");
    taken.accepted.reply(writeText, "");
    await until(() => outcome.replies === 1, "the answer");
  });

  test("stops at the window of a reader that does not read, by messages", async () => {
    const { server, near } = await startPair();
    const takes = takeStreams({ messages: 4, bytes: 1 << 20 });
    server.commands.on(STREAM, takes.handler);
    const { stream, log } = openStream(near, STREAM);
    const taken = await takes.next();
    taken.log.isSlow = true;
    await until(() => stream.send(writeText, "0"), "the first credit");
    log.writable = 0;
    expect([1, 2, 3].map((count) => stream.send(writeText, `${count}`))).toEqual([
      true,
      true,
      true,
    ]);
    expect(stream.send(writeText, "4")).toBe(false);
    await near.call(ECHO, 0, 5000, writeText, "all else goes on", readText);
    expect(taken.log.messages).toEqual(["0", "1", "2", "3"]);
    expect(log.writable).toBe(0);
    taken.log.stream?.consumed(1, 1);
    await near.call(ECHO, 0, 5000, writeText, "less than half is not granted yet", readText);
    expect(stream.send(writeText, "4")).toBe(false);
    taken.log.stream?.consumed(1, 1);
    await until(() => log.writable === 1, "credit");
    expect(["4", "5", "6"].map((text) => stream.send(writeText, text))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("stops at the window of a reader that does not read, by bytes", async () => {
    const { server, near } = await startPair();
    const takes = takeStreams({ messages: 1000, bytes: 4096 });
    server.commands.on(STREAM, takes.handler);
    const { stream, log } = openStream(near, STREAM);
    const taken = await takes.next();
    taken.log.isSlow = true;
    const text = "x".repeat(1500);
    await until(() => stream.send(writeText, text), "the first credit");
    log.writable = 0;
    expect([stream.send(writeText, text), stream.send(writeText, text)]).toEqual([true, false]);
    await until(() => taken.log.unread === 3000, "two messages");
    taken.log.stream?.consumed(2, 3000);
    await until(() => log.writable === 1, "credit");
    expect(stream.send(writeText, text)).toBe(true);
  });

  test("refuses a message of more than half the receiver's window, and goes on", async () => {
    const { server, near } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream } = openStream(near, STREAM);
    const taken = await takes.next();
    await until(() => stream.send(writeText, "x".repeat(2048)), "the first credit");
    expect(() => stream.send(writeText, "x".repeat(2049))).toThrow(
      expect.objectContaining({ code: "DT_RPC_TOO_LARGE" }),
    );
    expect(() =>
      stream.send(() => {
        throw new Error("cannot be encoded");
      }, null),
    ).toThrow("cannot be encoded");
    expect(stream.send(writeText, "y")).toBe(true);
    await until(() => taken.log.messages.length === 2, "both messages");
  });

  test("waits while the peer reads nothing of the connection", async () => {
    const { server, near, far } = await startPair({ maxSendBufferBytes: 4096 });
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { log } = openStream(near, STREAM, { messages: 1000, bytes: 1 << 20 });
    const { accepted, log: farLog } = await takes.next();
    const chunk = "x".repeat(1000);
    let sent = 0;
    while (accepted.stream.send(writeText, chunk)) {
      sent++;
    }
    expect(sent).toBeLessThan(7);
    expect(far.bufferedBytes).toBeLessThan(8192);
    await until(() => farLog.writable === 1, "room in the buffer");
    expect(accepted.stream.send(writeText, chunk)).toBe(true);
    await until(() => log.messages.length === sent + 1, "every message");
  });

  test("takes its turn with others when the send buffer is full", async () => {
    const { server, near } = await startPair({ maxSendBufferBytes: 4096 });
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const window = { messages: 10_000, bytes: 1 << 28 };
    const opened = [0, 1, 2].map(() => openStream(near, STREAM, window));
    const chunk = "x".repeat(1000);
    for (const _stream of opened) {
      const { accepted, log } = await takes.next();
      const sendAll = (): void => {
        while (accepted.stream.send(writeText, chunk)) {
          // As much as there is room for.
        }
      };
      log.onWritable = sendAll;
      sendAll();
    }
    await until(
      () => opened.every(({ log }) => log.messages.length >= 500),
      "messages of every stream",
    );
    const counts = opened.map(({ log }) => log.messages.length);
    expect(Math.max(...counts)).toBeLessThan(2 * Math.min(...counts));
    for (const { stream } of opened) {
      near.cancel(stream.id, null);
    }
  });

  test("lets a closing connection wait for its end", async () => {
    const { server, client, near } = await startPair(
      {},
      { reconnectMinMs: 60_000, reconnectMaxMs: 60_000 },
    );
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream, log, outcome } = openStream(near, STREAM);
    const { accepted, log: farLog } = await takes.next();
    await until(() => stream.send(writeText, "before"), "credit");
    const closed = server.close({ drainMs: 20_000 });
    await until(() => !near.isOpen, "the goodbye");
    const refused = new Tally();
    expect(
      near.streams.open(STREAM, 0, 0, writeText, "", SMALL_WINDOW, new StreamLog(), refused),
    ).toBeNull();
    expect(refused.failures[0]?.code).toBe("DT_RPC_STOPPING");
    expect([stream.send(writeText, "after"), accepted.stream.send(writeText, "too")]).toEqual([
      true,
      true,
    ]);
    await until(() => farLog.messages.length === 2 && log.messages.length === 1, "all messages");
    accepted.reply(writeText, "done");
    await closed;
    expect(outcome.replies).toBe(1);
    expect(client.isConnected).toBe(false);
  });

  test("is refused beyond maxStreams, and taken again when one has ended", async () => {
    const { server, near } = await startPair({ maxStreams: 2 });
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const first = openStream(near, STREAM);
    openStream(near, STREAM);
    const third = openStream(near, STREAM);
    await until(() => third.outcome.count === 1, "the refusal");
    expect(third.outcome.failures[0]).toMatchObject({
      status: Status.flowControl,
      remoteCode: "DT_RPC_TOO_MANY_STREAMS",
      mayHaveExecuted: false,
    });
    (await takes.next()).accepted.reply(writeText, "");
    await until(() => first.outcome.count === 1, "the end of the first");
    const fourth = openStream(near, STREAM);
    await until(() => takes.taken.length === 3, "the fourth");
    expect(fourth.outcome.count).toBe(0);
  });

  test("cancelled by the opener ends at both sides", async () => {
    const { server, near, far } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream, outcome } = openStream(near, STREAM);
    const taken = await takes.next();
    near.cancel(stream.id, new Error("enough"));
    near.cancel(stream.id, new Error("twice"));
    expect(outcome.failures).toMatchObject([
      { code: "DT_RPC_CANCELLED", mayHaveExecuted: true, cause: { message: "enough" } },
    ]);
    await until(() => taken.log.error !== null, "the cancellation");
    expect(taken.log.error).toMatchObject({ code: "DT_RPC_CANCELLED" });
    expect([near.streams.count, far.streams.count]).toEqual([0, 0]);
    expect(far.inFlightRequests).toBe(0);
    taken.accepted.reply(writeText, "too late, and harmless");
  });

  test("ended by the acceptor with an error has its code and detail at the opener", async () => {
    const { server, near } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { outcome } = openStream(near, STREAM);
    (await takes.next()).accepted.failWith(Status.denied, "NOT_YOU", "no", writeText, "detail");
    await until(() => outcome.count === 1, "the answer");
    expect(outcome.failures[0]).toMatchObject({
      status: Status.denied,
      remoteCode: "NOT_YOU",
      detail: Buffer.from("detail"),
    });
  });

  test("whose time is over ends at both sides", async () => {
    const { server, near, far } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { outcome } = openStream(near, STREAM, SMALL_WINDOW, 30);
    const taken = await takes.next();
    await until(() => outcome.count === 1 && taken.log.error !== null, "the deadline");
    expect(outcome.failures[0]?.code).toBe("DT_RPC_TIMEOUT");
    expect(taken.log.error?.code).toBe("DT_RPC_TIMEOUT");
    await until(() => near.streams.count + far.streams.count === 0, "the end of the stream");
  });

  test("dies with its connection, at both sides", async () => {
    const { server, client, near, far } = await startPair();
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const { stream, outcome } = openStream(near, STREAM);
    const taken = await takes.next();
    await client.close();
    await until(() => taken.log.error !== null, "the end of the connection");
    expect(outcome.failures[0]?.code).toBe("DT_RPC_CLOSED");
    expect(taken.log.error?.code).toMatch(/DT_RPC_(CLOSED|CONNECTION_LOST)/);
    expect([near.streams.count, far.streams.count]).toEqual([0, 0]);
    expect(stream.send(writeText, "x")).toBe(false);
    expect(taken.accepted.stream.send(writeText, "x")).toBe(false);
    expect(far.streams.accept(taken.request, SMALL_WINDOW, new StreamLog())).toBeNull();
  });

  test("is not opened to a peer that knows none", async () => {
    const { address, peers } = await rawServer();
    const connected = startClient({ address });
    await rawAccept(peers, RAW_LIMITS, SHORT_HEADER_IDENTITY);
    const { connection } = await connected;
    const outcome = new Tally();
    const opened = connection?.streams.open(
      STREAM,
      0,
      0,
      writeText,
      "",
      SMALL_WINDOW,
      new StreamLog(),
      outcome,
    );
    expect(opened).toBeNull();
    expect(outcome.failures[0]?.code).toBe("DT_RPC_NO_STREAMS");
  });

  test("one thousand, cancelled by either side at any moment, leave nothing behind", async () => {
    let seed = 20_261_121;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return (seed >>> 8) % below;
    };
    const { server, client, near, far } = await startPair({ maxStreams: 1000 }, {});
    const takes = takeStreams();
    server.commands.on(STREAM, takes.handler);
    const opened = Array.from({ length: 1000 }, () => openStream(near, STREAM));
    let acted = 0;
    while (opened.some(({ outcome }) => outcome.count === 0)) {
      for (let count = random(60); count > 0; count--) {
        const index = random(1000);
        const mine = opened[index];
        const theirs = takes.taken[index];
        const action = random(8);
        acted++;
        if (action < 3) {
          trySend(mine?.stream, "x");
          theirs?.accepted.stream.send(writeText, "y");
        } else if (action === 3) {
          near.cancel(mine?.stream.id ?? 0, null);
        } else if (action === 4) {
          theirs?.accepted.failWith(Status.denied, "NO", "no", null, null);
        } else if (action === 5) {
          theirs?.accepted.reply(writeText, "done");
        } else if (action === 6) {
          mine?.stream.end();
        } else {
          theirs?.log.stream?.consumed(1, 1);
        }
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(acted).toBeGreaterThan(1000);
    await until(() => far.streams.count === 0 && far.inFlightRequests === 0, "the server's end");
    expect([near.streams.count, near.pendingCalls]).toEqual([0, 0]);
    expect(opened.map(({ outcome }) => outcome.count)).toEqual(opened.map(() => 1));
    expect(await client.call(ECHO, 0, 5000, writeText, "still here", readText)).toBe("still here");
    expect([client, server].map(({ counters }) => counters.streamViolations)).toEqual([0, 0]);
    expect([client, server].map(({ counters }) => counters.malformedFrames)).toEqual([0, 0]);
  });
});

function trySend(stream: Stream | undefined, text: string): void {
  try {
    stream?.send(writeText, text);
  } catch {
    // The opener's own end came before.
  }
}
