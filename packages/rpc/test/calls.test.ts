import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodecError } from "@dt/codec";
import { describe, expect, test } from "vitest";
import { Status, asyncHandler } from "../src/index.ts";
import { ECHO, FAIL, NOTE, readLength, readText, writeBytes, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { holdOn, startPair } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { ByteWriter } from "@dt/codec";

function writeBig(writer: ByteWriter, byteCount: number): void {
  writer.ensure(byteCount);
  writer.buf.fill(7, writer.pos, writer.pos + byteCount);
  writer.pos += byteCount;
}

describe("a call", () => {
  test("gets the reply of the handler, over TCP", async () => {
    const { client } = await startPair();
    expect(await client.call(ECHO, 0, 5000, writeText, "hello", readText)).toBe("hello");
  });

  test("gets the reply of the handler, over a unix socket", async () => {
    const path = join(tmpdir(), `dt-rpc-${process.pid}-${performance.now()}.sock`);
    const { client, far } = await startPair({}, {}, { path });
    expect(await client.call(ECHO, 0, 5000, writeText, "hello", readText)).toBe("hello");
    expect(far.peer.address).toBe("unix");
  });

  test("carries bodies from nothing to megabytes", async () => {
    const { client } = await startPair();
    const sizes = [0, 1, 1000, 65_535, 65_536, 65_537, 1_000_000, 10_000_000];
    const lengths = await Promise.all(
      sizes.map((size) => client.call(ECHO, 0, 20_000, writeBytes, Buffer.alloc(size), readLength)),
    );
    expect(lengths).toEqual(sizes);
  });

  test("is answered 10,000 times at once, each with its own reply", async () => {
    const { client } = await startPair();
    const texts = Array.from({ length: 10_000 }, (_, index) => `call ${index}`);
    const calls = texts.map((text) => client.call(ECHO, 0, 20_000, writeText, text, readText));
    expect(await Promise.all(calls)).toEqual(texts);
  });

  test("may be answered later, in any order", async () => {
    const { server, client } = await startPair();
    const held = holdOn(server.commands);
    const replies = [0, 1, 2].map(() => client.call(257, 0, 5000, writeText, "", readText));
    await until(() => held.length === 3, "the requests");
    held.reverse().forEach((request, index) => request.reply(writeText, `answer ${index}`));
    expect(await Promise.all(replies)).toEqual(["answer 2", "answer 1", "answer 0"]);
  });

  test("without a handler fails with NOT_SUPPORTED", async () => {
    const { client } = await startPair();
    const error = await failureOf(client.call(9999, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      code: "DT_RPC_REMOTE",
      status: Status.notSupported,
      remoteCode: "DT_RPC_UNKNOWN_COMMAND",
      mayHaveExecuted: false,
    });
  });

  test("whose handler throws fails with INTERNAL, and the connection goes on", async () => {
    const { server, client } = await startPair();
    server.commands.on(FAIL, () => {
      throw new Error("broken on purpose");
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      status: Status.internal,
      remoteCode: "DT_RPC_HANDLER_FAILED",
      mayHaveExecuted: true,
    });
    expect(error.message).toContain("broken on purpose");
    expect(await client.call(ECHO, 0, 5000, writeText, "still", readText)).toBe("still");
    expect(server.counters.handlerErrors).toBe(1);
  });

  test("whose body cannot be decoded fails with INVALID", async () => {
    const { server, client } = await startPair();
    server.commands.on(FAIL, () => {
      throw new CodecError({ code: "DT_CODEC_TRUNCATED", wantedBytes: 4, leftBytes: 1 });
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({ status: Status.invalid, remoteCode: "DT_RPC_BAD_REQUEST" });
  });

  test("gets status, code, message and detail of a failure", async () => {
    const { server, client } = await startPair();
    server.commands.on(FAIL, (request) => {
      request.failWith(Status.notLeader, "DT_X_NOT_LEADER", "ask ⓷", writeText, "node 3");
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      status: Status.notLeader,
      remoteCode: "DT_X_NOT_LEADER",
      detail: Buffer.from("node 3"),
    });
    expect(error.message).toContain("ask ⓷");
  });

  test("fails with its status even when the detail cannot be encoded", async () => {
    const { server, client } = await startPair();
    server.commands.on(FAIL, (request) => {
      request.failWith(Status.denied, "DT_X", "m", writeBytes, Buffer.alloc(70_000));
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({ status: Status.denied, remoteCode: "DT_X", detail: null });
  });

  test("fails with its status even when the answer is larger than the caller takes", async () => {
    const { server, client } = await startPair({}, { maxFrameBytes: 1024 });
    server.commands.on(FAIL, (request) => {
      request.failWith(Status.denied, "DT_X", "m", writeBytes, Buffer.alloc(1024));
    });
    server.commands.on(NOTE, (request) => {
      request.fail(Status.denied, "DT_X", "⓷".repeat(2000));
    });
    const first = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(first).toMatchObject({ status: Status.denied, remoteCode: "DT_X", detail: null });
    const second = await failureOf(client.call(NOTE, 0, 5000, writeText, "", readText));
    expect(second).toMatchObject({ status: Status.denied, remoteCode: null });
    expect(client.isConnected).toBe(true);
  });

  test("whose argument cannot be encoded fails alone", async () => {
    const { client } = await startPair();
    const broken = (writer: ByteWriter): void => {
      writer.utf8("half a body");
      throw new Error("broken on purpose");
    };
    const [first, error, last] = await Promise.all([
      client.call(ECHO, 0, 5000, writeText, "first", readText),
      failureOf(client.call(ECHO, 0, 5000, broken, null, readText)),
      client.call(ECHO, 0, 5000, writeText, "last", readText),
    ]);
    expect([first, error.code, last]).toEqual(["first", "DT_RPC_ENCODE", "last"]);
    expect(error.mayHaveExecuted).toBe(false);
  });

  test("whose reply cannot be decoded fails alone", async () => {
    const { client } = await startPair();
    const broken = (): never => {
      throw new Error("broken on purpose");
    };
    const [error, other] = await Promise.all([
      failureOf(client.call(ECHO, 0, 5000, writeText, "", broken)),
      client.call(ECHO, 0, 5000, writeText, "other", readText),
    ]);
    expect(error).toMatchObject({ code: "DT_RPC_BAD_REPLY", mayHaveExecuted: true });
    expect(other).toBe("other");
  });

  test("larger than the peer takes fails before it is sent", async () => {
    const { client, far } = await startPair({ maxFrameBytes: 2048 });
    const error = await failureOf(client.call(ECHO, 0, 5000, writeBig, 2048, readLength));
    expect(error).toMatchObject({ code: "DT_RPC_TOO_LARGE", mayHaveExecuted: false });
    expect(await client.call(ECHO, 0, 5000, writeBig, 2048 - 12, readLength)).toBe(2036);
    expect(far.isOpen).toBe(true);
  });

  test("whose reply is larger than the caller takes fails with TOO_LARGE", async () => {
    const { server, client } = await startPair({}, { maxFrameBytes: 2048 });
    server.commands.on(FAIL, (request) => {
      request.reply(writeBig, 2048);
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      status: Status.tooLarge,
      remoteCode: "DT_RPC_REPLY_TOO_LARGE",
      mayHaveExecuted: true,
    });
  });

  test("whose completion throws harms no other call", async () => {
    const { client } = await startPair();
    client.start(ECHO, 0, 5000, writeText, "x", {
      onReply() {
        throw new Error("broken on purpose");
      },
      onFail() {
        throw new Error("broken again");
      },
    });
    expect(await client.call(ECHO, 0, 5000, writeText, "other", readText)).toBe("other");
    expect(client.counters.completionErrors).toBe(1);
  });
});

describe("an asynchronous handler", () => {
  test("replies with what it resolves to, from a body that is its own", async () => {
    const { server, client } = await startPair();
    server.commands.on(
      FAIL,
      asyncHandler(async (_request, body) => {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        return body;
      }),
    );
    const texts = Array.from({ length: 100 }, (_, index) => `text ${index}`);
    const calls = texts.map((text) => client.call(FAIL, 0, 5000, writeText, text, readText));
    expect(await Promise.all(calls)).toEqual(texts);
  });

  test("fails the call when it rejects", async () => {
    const { server, client } = await startPair();
    server.commands.on(
      FAIL,
      asyncHandler(() => Promise.reject(new Error("broken on purpose"))),
    );
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({
      status: Status.internal,
      remoteCode: "DT_RPC_HANDLER_FAILED",
    });
  });
});

describe("an answer", () => {
  test("is given once", async () => {
    const { server, client } = await startPair();
    const thrown: unknown[] = [];
    server.commands.on(FAIL, (request) => {
      request.replyEmpty();
      expect(request.isAnswered).toBe(true);
      try {
        request.fail(Status.denied, "DT_X", "");
      } catch (error) {
        thrown.push(error);
      }
    });
    await client.call(FAIL, 0, 5000, writeText, "", readText);
    expect(String(thrown[0])).toContain("answered twice");
  });

  test("that cannot be encoded becomes INTERNAL", async () => {
    const { server, client } = await startPair();
    server.commands.on(FAIL, (request) => {
      request.reply(() => {
        throw new Error("broken on purpose");
      }, null);
    });
    const error = await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({ status: Status.internal, remoteCode: "DT_RPC_REPLY_ENCODE" });
  });

  test("to a one-way is dropped and counted", async () => {
    const { server, client } = await startPair();
    const notes: string[] = [];
    server.commands.on(NOTE, (request, body, start, end) => {
      notes.push(readText(body, start, end));
      expect(request.isOneWay).toBe(true);
      request.replyEmpty();
    });
    expect(client.oneWay(NOTE, 0, writeText, "a")).toBe(true);
    expect(client.oneWay(NOTE, 0, writeText, "b")).toBe(true);
    await client.call(ECHO, 0, 5000, writeText, "", readText);
    expect(notes).toEqual(["a", "b"]);
    expect(server.counters.droppedReplies).toBe(2);
  });
});

describe("an encode function", () => {
  test("may not use the connection it encodes for", async () => {
    const { client } = await startPair();
    const nested = (): void => {
      client.oneWay(NOTE, 0, writeText, "inner");
    };
    const error = await failureOf(client.call(ECHO, 0, 5000, nested, null, readText));
    expect(error.code).toBe("DT_RPC_ENCODE");
    expect(String(error.cause)).toContain("must not use the connection");
    expect(await client.call(ECHO, 0, 5000, writeText, "fine", readText)).toBe("fine");
  });
});
