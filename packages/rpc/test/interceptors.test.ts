import { describe, expect, test } from "vitest";
import { Status } from "../src/index.ts";
import { ECHO, FAIL, HOLD, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { LOOPBACK, holdOn, startClient, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { CallContext, Interceptor, RequestContext } from "../src/index.ts";

interface Seen {
  readonly log: string[];
  readonly interceptor: Interceptor;
}

function text(context: RequestContext | CallContext): string {
  return readText(context.body, context.start, context.end);
}

/** Writes down everything it is told. */
function watcher(name: string): Seen {
  const log: string[] = [];
  return {
    log,
    interceptor: {
      onRequest(context) {
        log.push(`${name} request ${context.request.command} ${text(context)}`);
      },
      onReply(context) {
        const { status, code, isSent } = context;
        log.push(`${name} reply ${status} ${code} ${isSent} ${text(context)}`);
      },
      onCall(context) {
        log.push(`${name} call ${context.command} ${context.groupId} ${context.timeoutMs}`);
      },
      onOutcome(context) {
        log.push(`${name} outcome ${context.error?.code ?? "ok"} ${text(context)}`);
      },
    },
  };
}

async function startWatched(
  serverSide: readonly Interceptor[],
  clientSide: readonly Interceptor[] = [],
) {
  const { server, address } = await startServer({}, { interceptors: serverSide }, LOOPBACK);
  const client = await startClient({ address }, { interceptors: clientSide });
  return { server, client };
}

describe("interceptors", () => {
  test("see each request and its reply with their bodies, nested in the order of the list", async () => {
    const log: string[] = [];
    const outer = { ...watcher("outer") };
    const inner = { ...watcher("inner") };
    const both = [outer, inner].map(({ interceptor, log: own }) => ({
      onRequest(context: RequestContext) {
        interceptor.onRequest?.(context);
        log.push(own.at(-1) ?? "");
      },
      onReply(context: RequestContext) {
        interceptor.onReply?.(context);
        log.push(own.at(-1) ?? "");
      },
    }));
    const { client } = await startWatched(both);
    await client.call(ECHO, 0, 5000, writeText, "hello", readText);
    expect(log).toEqual([
      "outer request 256 hello",
      "inner request 256 hello",
      "inner reply 0 null true hello",
      "outer reply 0 null true hello",
    ]);
  });

  test("see every error answer with its status and code", async () => {
    const { log, interceptor } = watcher("s");
    const { server, client } = await startWatched([interceptor]);
    server.commands.on(FAIL, (request) => request.fail(Status.denied, "NO", "no"));
    server.commands.on(300, () => {
      throw new Error("broken");
    });
    server.commands.on(301, (request) => {
      request.reply(() => {
        throw new Error("cannot be encoded");
      }, null);
    });
    await failureOf(client.call(FAIL, 0, 5000, writeText, "a", readText));
    await failureOf(client.call(300, 0, 5000, writeText, "b", readText));
    await failureOf(client.call(301, 0, 5000, writeText, "c", readText));
    expect(log).toEqual([
      `s request ${FAIL} a`,
      `s reply ${Status.denied} NO true `,
      "s request 300 b",
      `s reply ${Status.internal} DT_RPC_HANDLER_FAILED true `,
      "s request 301 c",
      `s reply ${Status.internal} DT_RPC_REPLY_ENCODE true `,
    ]);
  });

  test("see nothing of a call that is refused by a throw", async () => {
    const seen: string[] = [];
    const { server, address } = await startServer();
    const client = await startClient(
      { address },
      {
        interceptors: [{ onCall: () => seen.push("call"), onOutcome: () => seen.push("outcome") }],
      },
    );
    expect(() => client.call(ECHO, 0, NaN, writeText, "", readText)).toThrow(RangeError);
    expect(seen).toEqual([]);
    await client.call(ECHO, 0, 0, writeText, "", readText);
    expect(seen).toEqual(["call", "outcome"]);
    expect(server.connections.size).toBe(1);
  });

  test("are told of an answer that could not be sent, once", async () => {
    const { log, interceptor } = watcher("s");
    const { server, client } = await startWatched([interceptor]);
    const held = holdOn(server.commands);
    const call = failureOf(client.call(HOLD, 0, 0, writeText, "", readText));
    await until(() => held.length === 1, "the request");
    await client.close();
    await call;
    await until(() => server.connections.size === 0, "the end of the connection");
    held[0]?.replyEmpty();
    expect(log.slice(1)).toEqual(["s reply 0 null false "]);
  });

  test("may answer in place of the handler", async () => {
    const { log, interceptor } = watcher("later");
    const gate: Interceptor = {
      onRequest({ request }) {
        request.fail(Status.denied, "CLOSED_TODAY", "come back tomorrow");
      },
    };
    const { server, client } = await startWatched([gate, interceptor]);
    let handled = 0;
    server.commands.on(300, () => {
      handled++;
    });
    const error = await failureOf(client.call(300, 0, 5000, writeText, "", readText));
    expect(error).toMatchObject({ status: Status.denied, remoteCode: "CLOSED_TODAY" });
    expect(handled).toBe(0);
    expect(log).toEqual([`later reply ${Status.denied} CLOSED_TODAY true `]);
  });

  test("see one-ways, which have no answer", async () => {
    const { log, interceptor } = watcher("s");
    const { server, client } = await startWatched([interceptor]);
    const notes: string[] = [];
    server.commands.on(NOTE, (_request, body, start, end) => {
      notes.push(readText(body, start, end));
    });
    client.oneWay(NOTE, 0, writeText, "a note");
    await until(() => notes.length === 1, "the note");
    expect(log).toEqual([`s request ${NOTE} a note`]);
  });

  test("see calls and their outcomes, of the server's side too", async () => {
    const near = watcher("client");
    const far = watcher("server");
    const { server, client } = await startWatched([far.interceptor], [near.interceptor]);
    server.commands.on(FAIL, (request) => request.fail(Status.denied, "NO", "no"));
    client.commands.on(300, (request) => request.reply(writeText, "pushed"));
    await client.call(ECHO, 0, 5000, writeText, "x", readText);
    await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    await failureOf(
      client.call(ECHO, 0, 5000, writeText, "y", () => {
        throw new Error("cannot be decoded");
      }),
    );
    for (const connection of server.connections) {
      await connection.call(300, 0, 1000, writeText, "", readText);
    }
    expect(near.log.filter((line) => /call|outcome/.test(line))).toEqual([
      `client call ${ECHO} 0 5000`,
      "client outcome ok x",
      `client call ${FAIL} 0 5000`,
      "client outcome DT_RPC_REMOTE ",
      `client call ${ECHO} 0 5000`,
      "client outcome DT_RPC_BAD_REPLY ",
    ]);
    expect(near.log.filter((line) => /request|reply/.test(line))).toEqual([
      "client request 300 ",
      "client reply 0 null true pushed",
    ]);
    expect(far.log.filter((line) => /call|outcome/.test(line))).toEqual([
      "server call 300 0 1000",
      "server outcome ok pushed",
    ]);
  });

  test("harm nothing when they throw, but for the request they throw for", async () => {
    const { server, client } = await startWatched(
      [
        {
          onRequest({ request }) {
            if (request.command === 300) {
              throw new Error("no");
            }
          },
          onReply() {
            throw new Error("no");
          },
        },
      ],
      [
        {
          onCall() {
            throw new Error("no");
          },
          onOutcome() {
            throw new Error("no");
          },
        },
      ],
    );
    server.commands.on(300, (request) => request.replyEmpty());
    expect(await client.call(ECHO, 0, 5000, writeText, "fine", readText)).toBe("fine");
    const error = await failureOf(client.call(300, 0, 5000, writeText, "", readText));
    expect(error.remoteCode).toBe("DT_RPC_HANDLER_FAILED");
    expect(server.counters.interceptorErrors).toBe(2);
    expect(client.counters.interceptorErrors).toBe(4);
  });
});

describe("a call in the name of a request", () => {
  test("has no more time than the request has left", async () => {
    const { server, client } = await startWatched([]);
    const timeLeft: number[] = [];
    client.commands.on(300, (request) => {
      timeLeft.push(request.deadlineMs - performance.now());
      request.replyEmpty();
    });
    server.commands.on(301, (request) => {
      const done = { onReply: () => request.replyEmpty(), onFail: () => request.replyEmpty() };
      request.connection.start(300, 0, 0, writeText, "", done, request);
    });
    await client.call(301, 0, 20_000, writeText, "", readText);
    await client.call(301, 0, 0, writeText, "", readText);
    expect(timeLeft[0]).toBeGreaterThan(0);
    expect(timeLeft[0]).toBeLessThanOrEqual(20_001);
    expect(timeLeft[1]).toBeLessThan(0);
  });

  test("is not sent when the request has no time left", async () => {
    const { client } = await startWatched([]);
    const parent = { deadlineMs: performance.now() - 1, traceparent: null };
    const call = client.call(ECHO, 0, 5000, writeText, "", readText, parent);
    expect(await failureOf(call)).toMatchObject({ code: "DT_RPC_TIMEOUT", mayHaveExecuted: false });
  });
});
