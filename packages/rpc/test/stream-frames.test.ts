import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { failureOf, Tally } from "./support/failure.ts";
import { startPair } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS } from "./support/raw-peer.ts";
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
import type { RpcError } from "../src/index.ts";

const STREAM = 300;

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
