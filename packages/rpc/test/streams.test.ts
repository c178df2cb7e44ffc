import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { failureOf, Tally } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, SHORT_HEADER_IDENTITY } from "./support/raw-peer.ts";
import { rawClient, rawServer, rawAccept } from "./support/raw-peer.ts";
import {
  NO_WINDOW,
  SMALL_WINDOW,
  StreamLog,
  openStream,
  takeStreams,
} from "./support/stream-log.ts";
import { startClient } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import type { RpcError, Stream } from "../src/index.ts";

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

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** A frame of a stream: kind 3, no flags. */
function streamFrame(command: number, seq: number, side: number, body = ""): string {
  const bytes = body.replaceAll(" ", "");
  return `${hex(12 + bytes.length / 2, 8)}1300${hex(command, 4)}${hex(seq, 8)}${hex(side, 8)}${bytes}`;
}

/** The request that opens a stream and grants 4 messages of 4096 bytes. */
function opening(seq: number): string {
  return `00000019 1102 ${hex(STREAM, 4)} ${hex(seq, 8)} 00000000 000b 04 0008 00000004 00001000`;
}

const ECHO_FRAME = `0000000d 1100 ${hex(ECHO, 4)} 00000063 00000000 61`;
const ECHO_REPLY = `0000000d1200${hex(ECHO, 4)}000000630000000061`;
const [DATA, CREDIT, END, CANCEL] = [8, 9, 10, 11] as const;

/** A raw client whose stream with seq 9 is open at a server. */
async function rawStream(): Promise<{
  readonly peer: RawPeer;
  readonly takes: ReturnType<typeof takeStreams>;
  readonly server: Awaited<ReturnType<typeof startPair>>["server"];
}> {
  const { server, address } = await startPair();
  const takes = takeStreams();
  server.commands.on(STREAM, takes.handler);
  const peer = await rawClient(address);
  peer.send(opening(9));
  expect(await peer.frame()).toBe(streamFrame(CREDIT, 9, 1, "00000004 00001000"));
  return { peer, takes, server };
}

function codeIn(frame: string): string {
  return /DT_RPC_[A-Z_]+/.exec(Buffer.from(frame, "hex").toString("latin1"))?.[0] ?? frame;
}

describe("the frames of a stream are byte for byte", () => {
  test("opening, credit, data, end and answer", async () => {
    const { peer, takes } = await rawStream();
    const taken = await takes.next();
    peer.send(streamFrame(DATA, 9, 0, "6869") + streamFrame(END, 9, 0));
    await until(() => taken.log.hasEnded, "the end");
    expect(taken.log.messages).toEqual(["hi"]);
    taken.accepted.stream.send(writeText, "ho");
    taken.accepted.reply(writeText, "x");
    expect(await peer.frame()).toBe(streamFrame(DATA, 9, 1, "686f"));
    expect(await peer.frame()).toBe("0000000d 1200 012c 00000009 00000000 78".replaceAll(" ", ""));
  });

  test("cancel", async () => {
    const { peer, takes } = await rawStream();
    const taken = await takes.next();
    peer.send(streamFrame(CANCEL, 9, 0));
    await until(() => taken.log.error !== null, "the cancellation");
    peer.send(ECHO_FRAME);
    expect(await peer.frame()).toBe(ECHO_REPLY);
  });
});

describe("a frame that breaks the rules of a stream ends that stream and nothing else:", () => {
  test.each([
    ["data of no stream", streamFrame(DATA, 77, 0, "61"), "DT_RPC_UNKNOWN_STREAM"],
    ["data of a stream of this side's", streamFrame(DATA, 9, 1, "61"), "DT_RPC_UNKNOWN_STREAM"],
    ["an end of no stream", streamFrame(END, 77, 0), "DT_RPC_UNKNOWN_STREAM"],
    [
      "credit of no stream",
      streamFrame(CREDIT, 77, 0, "0000000100000001"),
      "DT_RPC_UNKNOWN_STREAM",
    ],
  ])("%s is refused", async (_what, frame, code) => {
    const { peer, takes, server } = await rawStream();
    const { log } = await takes.next();
    peer.send(frame);
    const refusal = await peer.frame();
    expect([refusal.slice(8, 16), codeIn(refusal)]).toEqual(["1300000b", code]);
    peer.send(ECHO_FRAME);
    expect(await peer.frame()).toBe(ECHO_REPLY);
    expect(log.error).toBeNull();
    expect(server.counters.lateStreamFrames).toBe(1);
  });

  const end = streamFrame(END, 9, 0);
  const data = (text: string): string => streamFrame(DATA, 9, 0, Buffer.from(text).toString("hex"));
  test.each([
    ["data after the end", end + data("a"), "DT_RPC_STREAM_STATE"],
    ["a second end", end + end, "DT_RPC_STREAM_STATE"],
    ["a fifth message of four", data("a").repeat(5), "DT_RPC_STREAM_CREDIT"],
    ["more bytes than granted", data("x".repeat(4097)), "DT_RPC_STREAM_CREDIT"],
    ["half a credit", streamFrame(CREDIT, 9, 0, "00000001"), "DT_RPC_STREAM_STATE"],
    [
      "credit beyond counting",
      streamFrame(CREDIT, 9, 0, "ffffffff ffffffff"),
      "DT_RPC_STREAM_CREDIT",
    ],
    ["a second opening", opening(9), "DT_RPC_STREAM_DUPLICATE"],
  ])("%s", async (_what, frames, code) => {
    const { peer, takes, server } = await rawStream();
    const { log } = await takes.next();
    log.isSlow = true;
    peer.send(frames);
    const answer = await peer.frame();
    expect([answer.slice(8, 24), answer.slice(24, 32)]).toEqual(["1202012c00000009", "00000001"]);
    expect(codeIn(answer)).toBe(code);
    expect(log.error).toMatchObject({ code: "DT_RPC_STREAM", fault: { violation: code } });
    expect(server.counters.streamViolations).toBe(1);
    let next: string;
    peer.send(ECHO_FRAME);
    do {
      next = await peer.frame();
    } while (next !== ECHO_REPLY);
    expect([...server.connections].map(({ streams }) => streams.count)).toContain(0);
  });

  test("a message that the consumer cannot read", async () => {
    const { server, near, far } = await startPair();
    server.commands.on(STREAM, (request) => {
      const log = new StreamLog();
      log.onMessage = () => {
        throw new Error("unreadable");
      };
      request.connection.streams.accept(request, SMALL_WINDOW, log);
    });
    const { stream, outcome } = openStream(near, STREAM);
    await until(() => stream.send(writeText, "?"), "credit");
    await until(() => outcome.count === 1, "the answer");
    expect(outcome.failures[0]).toMatchObject({ remoteCode: "DT_RPC_HANDLER_FAILED" });
    expect(far.streams.count).toBe(0);
    expect(await near.call(ECHO, 0, 5000, writeText, "x", readText)).toBe("x");
  });

  test("a stream of a raw server that breaks them fails its call alone", async () => {
    const { address, peers } = await rawServer();
    const connected = startClient({ address });
    const peer = await rawAccept(peers, RAW_LIMITS, { ...RAW_IDENTITY, capabilities: ["streams"] });
    const { connection } = await connected;
    if (connection === null) {
      throw new Error("not connected");
    }
    const faults: [string, string][] = [
      ["a message after too many", "5x"],
      ["an end from the acceptor", "end"],
      ["a refusal", "refusal"],
      ["an unreadable refusal", "short"],
    ];
    const seen: RpcError[] = [];
    for (const [, fault] of faults) {
      const { stream, log, outcome } = openStream(connection, STREAM);
      log.isSlow = true;
      const { id } = stream;
      expect((await peer.frame()).slice(8, 16)).toBe("1102012c");
      if (fault === "5x") {
        peer.send(streamFrame(DATA, id, 1, "61").repeat(5));
      } else if (fault === "end") {
        peer.send(streamFrame(END, id, 1));
      } else if (fault === "refusal") {
        peer.send(streamFrame(CANCEL, id, 1, "00000003 0001 58 59"));
      } else {
        peer.send(streamFrame(CANCEL, id, 1, "00000003 ffff 58"));
      }
      await until(() => outcome.count === 1, fault);
      seen.push(...outcome.failures);
      if (fault === "5x" || fault === "end") {
        expect((await peer.frame()).slice(8, 16)).toBe("1300000b");
      }
    }
    expect(seen).toMatchObject([
      { code: "DT_RPC_STREAM", fault: { violation: "DT_RPC_STREAM_CREDIT" } },
      { code: "DT_RPC_STREAM", fault: { violation: "DT_RPC_STREAM_STATE" } },
      { code: "DT_RPC_REMOTE", status: Status.denied, remoteCode: "X" },
      { code: "DT_RPC_REMOTE", status: Status.internal, remoteCode: null },
    ]);
    expect(connection.isOpen).toBe(true);
    expect(connection.streams.count).toBe(0);
  });

  test("a frame of a stream that its opener has given up is answered by a cancel", async () => {
    const { address, peers } = await rawServer();
    const connected = startClient({ address });
    const peer = await rawAccept(peers, RAW_LIMITS, { ...RAW_IDENTITY, capabilities: ["streams"] });
    const { connection } = await connected;
    if (connection === null) {
      throw new Error("not connected");
    }
    const { stream } = openStream(connection, STREAM);
    connection.cancel(stream.id, null);
    expect((await peer.frame()).slice(8, 16)).toBe("1102012c");
    expect(await peer.frame()).toBe(streamFrame(CANCEL, stream.id, 0));
    // A peer that takes the request up only now, because it had put it aside, hears that it is over.
    peer.send(streamFrame(CREDIT, stream.id, 1, "00000004 00001000"));
    const answer = await peer.frame();
    expect([answer.slice(8, 32), codeIn(answer)]).toEqual([
      `1300000b${hex(stream.id, 8)}00000000`,
      "DT_RPC_UNKNOWN_STREAM",
    ]);
  });

  test.each([
    ["of no number", streamFrame(DATA, 0, 0, "61")],
    ["of neither side", streamFrame(DATA, 9, 2, "61")],
  ])("but one %s ends the connection with a code", async (_what, frame) => {
    const { peer, takes } = await rawStream();
    const { log } = await takes.next();
    peer.send(frame);
    expect(codeIn(await peer.frame())).toBe("DT_RPC_MALFORMED_FRAME");
    await peer.closed();
    expect(log.error?.code).toBe("DT_RPC_CONNECTION_LOST");
  });
});

test("a side that takes no messages is sent none", async () => {
  const { server, near } = await startPair();
  const takes = takeStreams(NO_WINDOW);
  server.commands.on(STREAM, takes.handler);
  const { stream, outcome } = openStream(near, STREAM, NO_WINDOW);
  const { accepted } = await takes.next();
  expect([stream.send(writeText, "x"), accepted.stream.send(writeText, "x")]).toEqual([
    false,
    false,
  ]);
  accepted.reply(writeText, "");
  await until(() => outcome.replies === 1, "the answer");
});

test("a call that is given up is not executed when it was not sent", async () => {
  const { near } = await startPair({ maxInFlightRequests: 1 });
  const held = near.call(ECHO, 0, 0, writeText, "first", readText);
  const outcome = new Tally();
  const call = near.start(ECHO, 0, 0, writeText, "waits", outcome);
  near.cancel(call, null);
  expect(outcome.failures[0]).toMatchObject({ code: "DT_RPC_CANCELLED", mayHaveExecuted: false });
  expect(await held).toBe("first");
  await failureOf(near.call(1000, 0, 0, writeText, "", readText));
});
